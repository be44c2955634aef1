"""Templates: adoption of newer versions, exchange between registries, lineage and drift."""
