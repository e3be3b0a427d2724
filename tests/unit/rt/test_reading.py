"""What was heard from RT, read: replies, notes and states, and nothing that cannot be read."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import msgspec
import pytest

from gateway import AgentReply, NewArrival, TicketChange, UnreadableArrival
from gateway.testing import as_stored
from gateway_rt.reading import Heard, HeardFile, plain, read_arrival
from gateway_rt.settings import STATES

HEARD = Heard(
    kind="reply", ticket="7", entry="70", at=1_795_251_600_000, author="Agnes", author_id="agent",
    text="Grüße",
)  # fmt: skip


def read(**changed: Any) -> Any:
    """Read one entry, as a worker process would."""
    body = msgspec.json.encode(msgspec.structs.replace(HEARD, **changed))
    parser = pickle.loads(pickle.dumps(partial(read_arrival, STATES)))
    [parsed] = parser(as_stored(NewArrival(key="70", body=body)))
    return parsed


def test_reply() -> None:
    """An agent's correspondence goes to the customer."""
    expected = AgentReply(
        ticket="7", entry="70", audience="customer", author="Agnes", author_id="agent",
        text="Grüße", at=1_795_251_600_000,
    )  # fmt: skip
    assert expected == read()


@pytest.mark.parametrize("kind", ["note", "customer"])
def test_kept_inside(kind: str) -> None:
    """A comment, and what the customer wrote in RT itself, are sent to nobody."""
    assert "internal" == read(kind=kind, html="<b>x</b>").audience
    assert "" == read(kind=kind, html="<b>x</b>").html


def test_files() -> None:
    """A file comes with its bytes, and one over the limit with its name."""
    files = (
        HeardFile(name="a.bin", media_type="image/png", content=b"\x00\xff"),
        HeardFile(name="b.bin", media_type="image/png", content=None),
    )
    found = read(files=files).attachments
    assert [("a.bin", b"\x00\xff", "stored"), ("b.bin", None, "too_large")] == [
        (one.name, one.data, one.state) for one in found
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("open", "resolved", "resolved"),
        ("resolved", "open", "open"),
        ("open", "stalled", "waiting"),
        ("open", "rejected", "closed"),
        ("new", "open", ""),
        ("rejected", "deleted", ""),
        ("open", "escalated", ""),
    ],
)
def test_statuses(old: str, new: str, expected: str) -> None:
    """A status counts by its meaning; one of the same or of no known meaning is only noted."""
    found = read(kind="status", old_status=old, new_status=new)
    assert isinstance(found, TicketChange)
    assert (expected, new) == (found.state, found.native_state)


def test_unreadable() -> None:
    """What RT would not show, and what is no entry at all, goes to quarantine with its reason."""
    with pytest.raises(UnreadableArrival, match="RT said no"):
        read(kind="unreadable", text="RT said no")
    with pytest.raises(UnreadableArrival, match="no entry"):
        read_arrival(STATES, as_stored(NewArrival(key="1", body=b"{}")))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>One &amp; two</p><p>three</p>", "One & two\n\nthree"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul>\n<li>x</li>\n<li>y</li></ul>", "- x\n- y"),
        ("<style>p{}</style><p>text<script>no()</script></p>", "text"),
        ("no markup\n at all", "no markup at all"),
        ("<p>unclosed <b>bold", "unclosed bold"),
    ],
)
def test_plain(html: str, expected: str) -> None:
    """Markup leaves its text, with its lines."""
    assert expected == plain(html)
