"""Tests over HTTP and websocket against the running app."""
