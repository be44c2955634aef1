"""Principals and clinics: groups, assignments, distribution, start pages, policies and roles."""
