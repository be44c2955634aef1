"""How an operation runs: admission, limits, caches, compiled execution and shared payloads."""
