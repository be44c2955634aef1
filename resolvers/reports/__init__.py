"""Reports: counts over the data that the viewer may read, with the same rights as the lists."""
