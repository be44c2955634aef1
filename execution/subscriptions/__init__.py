"""How a subscription starts, and how subscribers share one payload per event."""
