"""Where the calcium is, and what only looks like it."""
