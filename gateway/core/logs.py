"""Structured logs without secrets and bodies."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog

from gateway.domain.cards import redact_cards

HIDDEN = frozenset(
    {
        "authorization", "body", "cookie", "html", "password", "quoted", "raw", "secret", "text",
        "token",
    }
)  # fmt: skip
LONGEST, LONGEST_TRACE = 2000, 20_000
_WORD = re.compile(r"[^a-z]+")


def _hidden(name: Any) -> bool:
    """Whether a field's name says that its value is for nobody to read."""
    return not HIDDEN.isdisjoint(_WORD.split(str(name).lower()))


def _shown(value: Any, cards: bool, longest: int) -> Any:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, str):
        shown = value if len(value) <= longest else f"{value[:longest]}…"
        return redact_cards(shown)[0] if cards else shown
    if isinstance(value, Mapping):
        return {
            name: "•••" if _hidden(name) else _shown(one, cards, longest)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(one, cards, longest) for one in value]
    return value


def _redact(cards: bool) -> Any:
    def redact(
        _logger: Any, _method: str, fields: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        for name, value in fields.items():
            if name.startswith("_"):
                continue  # structlog's own
            longest = LONGEST_TRACE if name == "exception" else LONGEST
            fields[name] = "•••" if _hidden(name) else _shown(value, cards, longest)
        return fields

    return redact


def set_up_logs(
    level: Literal["debug", "info", "warning", "error"] = "info",
    form: Literal["console", "json"] = "console",
    *,
    redact_cards_too: bool = True,
) -> None:
    """Set up structlog, and let the libraries' own loggers come out by it."""
    number = getattr(logging, level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Tracebacks become text here, without the values of variables: those may be anything.
        structlog.processors.format_exc_info,
        _redact(redact_cards_too),
    ]
    last: list[Any]
    if form == "json":
        last = [structlog.processors.JSONRenderer()]
    else:
        last = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))


def log_for(name: str) -> Any:
    """The log of one part."""
    return structlog.get_logger().bind(part=name)
