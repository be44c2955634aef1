"""One append-only log for each principal: the only way to write, its history and its live end."""
