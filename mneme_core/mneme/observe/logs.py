"""Decisions as structured log records, and a formatter that writes records as lines of JSON."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import Any, Final

from mneme.observe.decisions import Decision

_log = logging.getLogger("mneme.decisions")

QUOTES: Final = ("query", "matched", "verdict")
"""The fields of a Decision that quote what people wrote."""


def fields_of(decision: Decision, *, text: bool) -> dict[str, Any]:
    """Return what is known of a decision, by name. text: with what quotes the questions."""
    return {
        name: value for name, value in asdict(decision).items() if value is not None and (text or name not in QUOTES)
    }


class DecisionLog:
    """An observer that logs every decision on `mneme.decisions`: its fields are the record's attribute `decision`.

    At INFO without anything that was asked or answered; text=True logs at DEBUG, with the questions and the verdict.
    Nothing is made of a decision where the logger is not enabled for that level.
    """

    def __init__(self, *, text: bool = False) -> None:
        self._text = text
        self._level = logging.DEBUG if text else logging.INFO

    def decided(self, decision: Decision) -> None:
        """Log a decision."""
        if _log.isEnabledFor(self._level):
            fields = fields_of(decision, text=self._text)
            milliseconds = decision.seconds * 1000
            _log.log(
                self._level,
                "%s in %r after %.3f ms",
                decision.outcome,
                decision.namespace,
                milliseconds,
                extra={"decision": fields},
            )


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON: time, level, logger, message, the fields of a decision, an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": record.created,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = getattr(record, "decision", None)
        if isinstance(fields, dict):
            line |= fields
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
