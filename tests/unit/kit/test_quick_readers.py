"""Backends that say that they read something in no time do so, whatever they are given."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from gateway import Arrival, Backend, NewArrival, Secret
from gateway.testing import as_stored, make_context
from gateway.testing.parsing_checks import check_parser
from gateway_desk.backend import Desk
from gateway_desk.settings import DeskSettings
from gateway_rt.backend import RtBackend
from gateway_rt.reading import Heard
from gateway_rt.settings import RtSettings
from gateway_webhook.backend import WebhookBackend
from gateway_webhook.settings import WebhookSettings

KEY = f"whsec_{base64.b64encode(bytes(32)).decode()}"
DESK = Desk(make_context(DeskSettings()))
RT = RtBackend(make_context(RtSettings(url="https://rt.example.com", token=Secret("1-2-3"))))
WEBHOOK = WebhookBackend(
    make_context(WebhookSettings(url="http://127.0.0.1:1/hook", secrets=(Secret(KEY),)))
)
HEARD = Heard(kind="reply", ticket="7", entry="70", at=1, author="Agnes", text="On our way.")
SAMPLES: dict[str, tuple[Backend[Any], object]] = {
    "desk": (DESK, {"type": "reply", "ticket": "7", "entry": "1", "audience": "customer", "text": "On our way.", "at": 1}),
    "rt": (RT, HEARD),
    "webhook": (WEBHOOK, {"type": "reply.created", "data": {"ticket": "T-7", "entry": "1", "text": "On our way."}}),
}  # fmt: skip


def stored(sample: object) -> Arrival:
    """Make an arrival of it."""
    return as_stored(NewArrival(key="1", body=msgspec.json.encode(sample)))


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_said_to_be_quick_is_quick(name: str) -> None:
    """An ordinary answer is read in the gateway's own process, and no hostile one takes long there."""
    backend, sample = SAMPLES[name]
    assert backend.is_quick(stored(sample))
    assert [] == list(check_parser(backend, [stored(sample)]))


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_large_goes_to_a_worker(name: str) -> None:
    """More than 64 KiB is never read in the gateway's own process."""
    backend, _ = SAMPLES[name]
    assert not backend.is_quick(stored({"text": "x" * 65_536}))


def test_html_from_request_tracker_goes_to_a_worker() -> None:
    """Two kilobytes of it can take longer than 20 ms, also if their signs are written as escapes."""
    hostile = stored(msgspec.structs.replace(HEARD, text="", html="<a " * 700))
    escaped = msgspec.structs.replace(hostile, body=hostile.body.replace(b"<", b"\\u003c"))
    assert (False, False) == (RT.is_quick(hostile), RT.is_quick(escaped))
