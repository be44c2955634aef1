"""Client libraries as others use them, against the running server."""
