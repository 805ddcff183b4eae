"""Training of what the program has learned. Needs the extra "training"; the program itself never imports it."""
