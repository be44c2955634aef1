"""Resolvers: plain async functions between the GraphQL schema and the store.

They check rights and input, and call the store. They use no web code and no GraphQL types.
"""
