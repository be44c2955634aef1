"""Exports: the rows of each file, who may read them, and the import of exported files."""
