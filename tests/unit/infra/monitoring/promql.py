"""The metrics of a PromQL expression with what is asked of their labels."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ASIDE = re.compile(
    r"\[[^]]*\]|\b(?:offset|bool)\s+\w+|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"
)
"""Durations and lists of labels."""
_SELECTOR = re.compile(r"(?<![\w.])([a-zA-Z_:][\w:]*+)\s*+(\{(?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*\})?+(?!\s*\()")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"((?:[^\"\\]|\\.)*)\"")
_WORDS = {"and", "or", "unless", "by", "on", "group_left", "group_right"}


@dataclass(frozen=True)
class Selector:
    """A metric, and the values or patterns by label that are asked for."""

    metric: str
    labels: dict[str, str]


def selectors(expression: str) -> Iterator[Selector]:
    """Those of an expression, in order; a name before a bracket is a function."""
    for match in _SELECTOR.finditer(_ASIDE.sub(" ", expression)):
        if match[1] not in _WORDS:
            yield Selector(match[1], dict(_MATCHER.findall(match[2] or "")))
