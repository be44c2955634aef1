"""Documents: heads, versions, publication, lists, search and visibility."""
