"""Somebody's id in a text, as a word of its own: `user_1` is not in `user_12`."""

import re
from collections.abc import Iterable


def word(forms: Iterable[str]) -> str:
    """A regular expression for one of the forms of a word, the longest first."""
    escaped = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return rf"(?<![\w.-])(?:{escaped})(?![\w-]|\.\w)"
