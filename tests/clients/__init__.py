"""JavaScript client libraries against the running application."""
