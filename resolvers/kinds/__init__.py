"""The kinds of document: content models, rules and registrations."""
