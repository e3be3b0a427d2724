"""OpenTelemetry spans where its packages are installed, and nothing where they are not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TypeAlias

_trace: ModuleType | None
try:
    _trace = import_module("opentelemetry.trace")
except ImportError:
    _trace = None

NAME = "gateway"
Attribute: TypeAlias = str | int | float | bool


@contextmanager
def span(name: str, **attributes: Attribute) -> Iterator[None]:
    """Trace what runs inside; without OpenTelemetry this does nothing.

    An error is noted by its type alone: its sentence may name people, and a traceback more.

    Args:
        name: what is done, in few different words: ``web.ingress``, ``pipeline.arrival`` …
        attributes: ids and short words, never a text, a body or a secret.
    """
    if _trace is None or isinstance(_trace.get_tracer_provider(), _trace.ProxyTracerProvider):
        yield  # not installed, or nobody listens
        return
    tracer = _trace.get_tracer(NAME)
    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except Exception as error:
            current.set_status(_trace.Status(_trace.StatusCode.ERROR, type(error).__name__))
            raise
