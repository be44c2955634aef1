"""Export files over HTTP: the endpoint, and one module for each file format."""
