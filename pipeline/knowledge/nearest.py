"""What a mistaken word was meant to be."""

import difflib
from collections.abc import Collection

LIKENESS = 0.6
"""Least ratio of matching characters, 0 to 1, for a suggestion (difflib's own default)."""
FEW = 20
"""So many words at most are listed where none is near."""


def meant(word: str, words: Collection[str]) -> str:
    """The one of `words` that is near to `word`, as a question to append to a message; "" where none is near."""
    close = difflib.get_close_matches(word, sorted(words), n=1, cutoff=LIKENESS)
    return f"; did you mean {close[0]}?" if close else ""


def nearest(word: str, words: Collection[str]) -> str:
    """What was meant, else all of `words` when they are few."""
    listed = f"; allowed: {', '.join(sorted(words))}" if 0 < len(words) <= FEW else ""
    return meant(word, words) or listed
