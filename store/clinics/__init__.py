"""Stores principals, clinics, groups, assignments, start pages, policies and roles."""
