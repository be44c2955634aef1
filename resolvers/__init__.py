"""Who may do what, in which order: plain async functions between the GraphQL contract and the
store. No web, no GraphQL types.
"""
