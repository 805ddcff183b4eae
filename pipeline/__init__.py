"""Calcinosis: calcium in soft tissue on radiographs and CT, seen, measured and reasoned about. Decision support."""

__version__ = "0.1.0"
