"""Documents of every kind: who may read and write them, and in which order."""
