"""Documents of every kind in the API: reading, lifecycle, comparison, search and text replacement."""
