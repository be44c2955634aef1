"""What reporting tools ask: counts over what the viewer reads, by the same rights as the lists that
they count.
"""
