"""Counts for reports: what is used where, in which version, since when. Read only."""
