"""The file formats of exports: one module per format."""
