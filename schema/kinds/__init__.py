"""The kinds of document in the API, each with its content, queries and mutations."""
