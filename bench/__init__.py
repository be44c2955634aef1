"""Measurements of the running server, each against a reference in the same run.

`README.md` tells how to read them.
"""
