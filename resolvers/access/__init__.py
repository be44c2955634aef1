"""Sign-in, issuers, viewers, roles and access decisions."""
