"""MongoDB itself: connection, embedded server, transactions, indexes, rows and keyset pages."""
