"""Templates in the API: adoption, comparison, exchange, review and usage."""
