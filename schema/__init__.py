"""The GraphQL contract.

`resolvers` decides who may do what; `store` decides how data is stored.
"""
