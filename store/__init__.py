"""The versioned document store: the only code that reads or writes MongoDB."""
