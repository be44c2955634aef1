"""Documents of every kind in the API: reading, lifecycle, search and text replacement."""
