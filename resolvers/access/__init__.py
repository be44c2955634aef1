"""Who may do what: sign-in, issuers, the viewer, roles and access decisions."""
