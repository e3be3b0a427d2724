"""Structured logs without secrets and bodies."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

from gateway.domain.cards import redact_cards

HIDDEN = frozenset(
    {
        "authorization", "body", "cookie", "html", "password", "quoted", "raw", "secret", "text",
        "token",
    }
)  # fmt: skip
LONGEST = 2000


def _redact(cards: bool) -> Any:
    def redact(
        _logger: Any, _method: str, fields: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        for name, value in fields.items():
            if name in HIDDEN:
                fields[name] = "•••"
            elif isinstance(value, str):
                shown = value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
                fields[name] = redact_cards(shown)[0] if cards else shown
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
        _redact(redact_cards_too),
    ]
    if form == "json":
        last: list[Any] = [
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ]
    else:
        last = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
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
