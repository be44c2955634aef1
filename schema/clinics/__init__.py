"""Principals, clinics, and what clinics have: groups, case types, start pages, policies, roles."""
