"""The logs: events, notifications, active subscriptions and checkpoints."""
