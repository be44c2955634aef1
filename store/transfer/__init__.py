"""A registry in and out: backup, restore, import, checkpoints, verification and export queries."""
