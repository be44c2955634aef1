"""Reports in the API: one module for the queries, one for their rows."""
