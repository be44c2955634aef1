"""How requests arrive.

HTTP, graphql-transport-ws, Server-Sent Events, export files, health and metrics.
"""
