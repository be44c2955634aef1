"""Black-box tests of the registry while its parts are killed, stopped and disconnected.

The tests keep their own records of every acknowledged write, and compare the registry with them.
"""
