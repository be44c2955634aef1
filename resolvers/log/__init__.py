"""The logs: who may read and follow them, notifications, subscriptions and checkpoints."""
