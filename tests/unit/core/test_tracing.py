"""Spans, with OpenTelemetry and without."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT = """
import sys
sys.modules["opentelemetry"] = None
sys.modules["opentelemetry.trace"] = None
from gateway.core.tracing import span
with span("work", part="mail"):
    print("done")
try:
    with span("work"):
        raise KeyError("kept")
except KeyError as error:
    print(error)
"""
WITH = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
from gateway.core.tracing import span
with span("outer", part="mail"):
    try:
        with span("inner"):
            raise ValueError("ada@example.org")
    except ValueError:
        pass
inner, outer = exporter.get_finished_spans()
print(inner.parent.span_id == outer.context.span_id)
print(outer.name, dict(outer.attributes), outer.status.status_code.name)
print(inner.name, inner.status.status_code.name, inner.status.description, inner.events)
"""


def _run(script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.splitlines()


def test_without_opentelemetry_nothing_happens() -> None:
    """Without its packages a span does nothing and hides no error."""
    assert _run(WITHOUT) == ["done", "'kept'"]


def test_spans_nest_and_note_errors_by_type() -> None:
    """With its packages spans nest, bear attributes, and name an error's type, not its words."""
    pytest.importorskip("opentelemetry.sdk", reason="the extra 'otel' is not installed")
    assert _run(WITH) == [
        "True",
        "outer {'part': 'mail'} UNSET",
        "inner ERROR ValueError ()",
    ]
