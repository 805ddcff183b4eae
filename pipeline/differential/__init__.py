"""Findings into a ranked differential with its reasons."""
