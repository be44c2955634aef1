"""The log in the API: events, notifications, acknowledgements and active subscriptions."""
