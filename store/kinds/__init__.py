"""The registration of a kind of document."""
