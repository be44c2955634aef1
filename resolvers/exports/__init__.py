"""Exports: which rows leave the registry as files, who may have them, and how they return."""
