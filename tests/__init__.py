"""The tests, by what they run against: the store, the rules, the API, the contract."""
