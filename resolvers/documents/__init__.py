"""Documents of every kind: reads and writes, by the rights of the viewer."""
