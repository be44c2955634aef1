"""The sample data set, and the code that loads it."""
