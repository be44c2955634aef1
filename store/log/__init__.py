"""The append-only logs of principals: writing, reading history and following events live."""
