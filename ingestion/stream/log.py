"""One line per event: time, level, words, then ``key=value`` for what a reader filters by."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any


def say(logger: logging.Logger, level: int, what: str, **fields: Any) -> None:
    """Log a sentence with its values."""
    logger.log(level, what, extra={"fields": fields})


class KeyValueFormatter(logging.Formatter):
    """``2024-05-01T12:00:00.000000Z INFO archived topic=orders rows=512``; values with blanks are quoted."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and a traceback below it where there is one."""
        stamp = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        fields = getattr(record, "fields", {})
        words = [
            stamp,
            record.levelname,
            record.getMessage(),
            *(f"{k}={_shown(v)}" for k, v in fields.items()),
        ]
        line = " ".join(words)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def set_up(level: str) -> None:
    """Log to standard error from ``level`` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValueFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _shown(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return repr(text) if any(c.isspace() or c == '"' for c in text) or not text else text
