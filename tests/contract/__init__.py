"""Tests of the schema as a contract with those who call it."""
