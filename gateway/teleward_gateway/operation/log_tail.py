"""The newest lines of the log, in memory, as they are written: without names and addresses."""

import logging
from collections import deque

from teleward_gateway.process.log_limit import RepeatFilter
from teleward_gateway.process.logs import Redactor, TextFormatter

MOST_LINES = 400


class LogTail(logging.Handler):
    """Keeps the last `MOST_LINES` lines; used as a context while the gateway runs."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._redactor = redactor
        self.addFilter(RepeatFilter())
        self.setFormatter(TextFormatter(redactor))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        try:
            self._lines.append(self.format(record))
        except Exception:
            self.handleError(record)

    def lines(self, most: int = MOST_LINES) -> list[str]:
        """Return the newest lines, oldest first; names learnt since are replaced too."""
        return [self._redactor.clean(line) for line in list(self._lines)[-most:]]

    def __enter__(self) -> "LogTail":
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)
