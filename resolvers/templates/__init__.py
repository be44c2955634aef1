"""What can be asked of templates beyond what is asked of every document: their use, their review,
their exchange.
"""
