"""Who may do what with principals, clinics, groups, assignments, pages, policies and roles."""
