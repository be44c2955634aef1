"""Templates: use, review, comparison, adoption of new versions, export and import."""
