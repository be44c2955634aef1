"""The GraphQL contract: what the API is.

Who may do what is decided in `resolvers`, how things are kept in `store`.
"""
