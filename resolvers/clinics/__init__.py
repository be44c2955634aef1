"""Who may do what with principals, clinics, groups, assignments, start pages, policies and roles."""
