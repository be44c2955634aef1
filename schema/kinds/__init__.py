"""The kinds of document in the API: content types, queries and mutations of each."""
