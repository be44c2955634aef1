"""Notifications: which events concern a clinic, what it has acknowledged, and who follows now."""
