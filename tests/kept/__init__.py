"""Registries written by each release, with the answers of the API at that time.

The release of a version writes `tests/kept/VERSION` once, with
`.venv/bin/python -m tests.kept.making`. The folder never changes after that. All later versions
must open, verify, restore and serve it: `tests/storage/test_kept_registry.py`.
"""
