"""Reference data: the known principals, and names of codes of the national directory."""
