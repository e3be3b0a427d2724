"""OpenTelemetry spans where its packages are installed, and nothing where they are not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from types import ModuleType
from typing import TypeAlias

_trace: ModuleType | None
try:
    _trace = import_module("opentelemetry.trace")
except ImportError:
    _trace = None

NAME = "gateway"
_NOTHING = nullcontext()
Attribute: TypeAlias = str | int | float | bool


def span(name: str, **attributes: Attribute) -> AbstractContextManager[None]:
    """Trace what runs inside; without OpenTelemetry this does nothing.

    An error is noted by its type alone: its sentence may name people, and a traceback more.

    Args:
        name: what is done, in few different words: ``web.ingress``, ``pipeline.arrival`` …
        attributes: ids and short words, never a text, a body or a secret.
    """
    if _trace is None or type(_trace.get_tracer_provider()) is _trace.ProxyTracerProvider:
        return _NOTHING  # not installed, or nobody listens
    return _traced(_trace, name, attributes)


@contextmanager
def _traced(trace: ModuleType, name: str, attributes: dict[str, Attribute]) -> Iterator[None]:
    tracer = trace.get_tracer(NAME)
    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except Exception as error:
            current.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))
            raise
