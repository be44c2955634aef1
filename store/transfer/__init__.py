"""Backup, restore, replay, checkpoints, verification and export queries of a registry."""
