"""Principals and clinics in the API: groups, assignments, distribution, start pages, policies and roles."""
