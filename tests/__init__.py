"""The tests, in folders by subject: the store, the rules, the API, the contract and others."""
