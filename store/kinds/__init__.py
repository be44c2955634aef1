"""What the store needs to know about a kind of document."""
