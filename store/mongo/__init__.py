"""MongoDB: connection, embedded server, transactions, indexes, rows and keyset pagination."""
