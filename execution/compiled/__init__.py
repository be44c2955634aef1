"""Compiled execution: plain parts of an operation run as closures instead of in graphql-core."""
