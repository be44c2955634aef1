"""Pure functions over document content: canonical JSON, hashing, diff, merge and text."""
