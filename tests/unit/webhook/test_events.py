"""Events as they leave, received by a real server."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from gateway import (
    Address,
    Attachment,
    EntryRef,
    Forward,
    Health,
    Person,
    Secret,
    TicketRef,
)
from gateway.testing import Surroundings
from gateway_webhook.backend import WebhookBackend
from gateway_webhook.settings import WebhookSettings
from tests.unit.webhook.receiver import Receiver, receiving

NEW = "whsec_" + base64.b64encode(b"n" * 32).decode()
OLD = "whsec_" + base64.b64encode(b"o" * 32).decode()
ANN = Address(scheme="email", value="ann@example.org", name="Ann Ünder")


def forward(key: str = "k1", **fields: Any) -> Forward:
    """Make one of Ann's messages."""
    return Forward(
        key=key,
        tenant="default",
        conversation="conv_1",
        message="msg_1",
        channel="support",
        author=ANN,
        requester=Person(address=ANN),
        **{"subject": "Tap", "text": "Er tropft. 水", **fields},
    )


def attachment(around: Surroundings, name: str, data: bytes) -> Attachment:
    """Store a file."""
    sha256 = hashlib.sha256(data).hexdigest()
    around.blobs.contents[sha256] = data
    return Attachment(
        name=name, media_type="text/plain", size=len(data), sha256=sha256, blob=sha256
    )


def real_now() -> int:
    """The time the reference implementation goes by."""
    return int(time.time() * 1000)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Run a receiver."""
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def around() -> Surroundings:
    """Make what surrounds a backend."""
    return Surroundings()


def make(around: Surroundings, receiver: Receiver, **settings: Any) -> WebhookBackend:
    """Make a backend that posts to the receiver."""
    defaults: dict[str, Any] = {"url": receiver.url, "secrets": (Secret(NEW), Secret(OLD))}
    return WebhookBackend(around.context(WebhookSettings(**{**defaults, **settings})))


async def test_an_event_is_signed_with_every_secret(
    around: Surroundings, receiver: Receiver
) -> None:
    """The reference implementation accepts the event with the new and with the old secret."""
    around.clock.moment = real_now()
    await make(around, receiver).open_ticket(forward())
    [(_, headers, body)] = receiver.requests
    assert "k1" == headers["webhook-id"]
    for secret in (NEW, OLD):
        assert "ticket.open" == Webhook(secret).verify(body, headers)["type"]


async def test_a_ticket_is_opened_with_everything_said(
    around: Surroundings, receiver: Receiver
) -> None:
    """The event holds the whole message, every field of the documented schema."""
    await make(around, receiver).open_ticket(
        forward(queue="taps", tags=("a",), sent_at=1_700_000_000_123, remarks=("r",))
    )
    person = {"scheme": "email", "value": "ann@example.org", "name": "Ann Ünder", "scope": ""}
    assert [
        {
            "type": "ticket.open",
            "timestamp": "2026-05-28T20:26:40.000Z",
            "data": {
                "key": "k1",
                "tenant": "default",
                "conversation": "conv_1",
                "message": "msg_1",
                "ticket": None,
                "channel": "support",
                "audience": "customer",
                "kind": "text",
                "author": person,
                "author_kind": "customer",
                "requester": {"role": "requester", "address": person},
                "others": [],
                "subject": "Tap",
                "text": "Er tropft. 水",
                "quoted": "",
                "html": "",
                "language": "",
                "attachments": [],
                "queue": "taps",
                "tier": "L1",
                "priority": "normal",
                "tags": ["a"],
                "sent_at": "2023-11-14T22:13:20.123Z",
                "automated": "none",
                "repeat": False,
                "remarks": ["r"],
                "extra": {},
            },
        }
    ] == receiver.events


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, TicketRef(external_id="conv_1")),
        (b"", TicketRef(external_id="conv_1")),
        (b"<html>thanks</html>", TicketRef(external_id="conv_1")),
        (b"[" * 100_000, TicketRef(external_id="conv_1")),
        (b'{"ticket":"7"}' + b" " * 70_000, TicketRef(external_id="conv_1")),
        ({"ticket": "T-7"}, TicketRef(external_id="T-7")),
        ({"ticket": 7, "other": 1}, TicketRef(external_id="7")),
        (
            {"ticket": "T-7", "url": "https://desk.example/7"},
            TicketRef(external_id="T-7", url="https://desk.example/7"),
        ),
        ({"ticket": "T-7", "url": "javascript:alert(1)"}, TicketRef(external_id="T-7")),
    ],
)
async def test_the_answer_names_the_ticket(
    around: Surroundings, receiver: Receiver, body: Any, expected: TicketRef
) -> None:
    """A 2xx may name ticket and link; if it does not, the ticket has the conversation's id."""
    receiver.say(201, body=body)
    assert expected == await make(around, receiver).open_ticket(forward())
    assert [] == around.log.lines


@pytest.mark.parametrize("ticket", ["", "a\nb", "x" * 256, True, ["7"], 1.5])
async def test_an_unusable_ticket_name_is_passed_over_and_logged(
    around: Surroundings, receiver: Receiver, ticket: Any
) -> None:
    """What cannot be a ticket's name is not used, and the operator is told."""
    receiver.say(200, body={"ticket": ticket})
    assert "conv_1" == (await make(around, receiver).open_ticket(forward())).external_id
    assert ["webhook_ticket_ignored"] == [event for _, event, _ in around.log.lines]


async def test_an_entry_names_its_ticket(around: Surroundings, receiver: Receiver) -> None:
    """An entry's event names the ticket, has an id of its own, and the answer may name the entry."""
    receiver.say(200, body={"entry": 12})
    ref = await make(around, receiver).add_entry(TicketRef(external_id="T-7"), forward())
    assert EntryRef(external_id="12") == ref
    assert ("ticket.entry", "T-7") == (
        receiver.events[0]["type"],
        receiver.events[0]["data"]["ticket"],
    )
    assert "k1-entry" == receiver.requests[0][1]["webhook-id"]


async def test_every_attempt_has_the_same_id(around: Surroundings, receiver: Receiver) -> None:
    """The id stays the same from attempt to attempt, so that the receiver can tell a repeat."""
    backend = make(around, receiver)
    await backend.open_ticket(forward())
    around.clock.advance(3600)
    await backend.open_ticket(forward())
    first, second = (headers for _, headers, _ in receiver.requests)
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] != second["webhook-timestamp"]


@pytest.mark.parametrize("key", ["a.b", "a b", "ü", "x" * 300, "a\r\nx: y"])
async def test_a_key_that_fits_no_header_is_hashed(
    around: Surroundings, receiver: Receiver, key: str
) -> None:
    """A key with a full stop, a space or more becomes an id without, and stands in the data."""
    await make(around, receiver).open_ticket(forward(key))
    identifier = receiver.requests[0][1]["webhook-id"]
    assert re.fullmatch(r"key_[0-9a-f]{64}", identifier)
    assert key == receiver.events[0]["data"]["key"]


async def test_attachments_go_along_up_to_the_limit(
    around: Surroundings, receiver: Receiver
) -> None:
    """Files are sent in base64 as long as they fit; of the others name, size and hash are told."""
    files = (
        attachment(around, "a.txt", b"a" * 60),
        attachment(around, "b.txt", b"b" * 60),
        attachment(around, "c.txt", b"c" * 40),
        Attachment(name="film.mp4", size=9, state="too_large"),
    )
    await make(around, receiver, attachment_limit=100).open_ticket(forward(attachments=files))
    sent = receiver.events[0]["data"]["attachments"]
    assert [b"a" * 60, None, b"c" * 40, None] == [
        file["content"] and base64.b64decode(file["content"]) for file in sent
    ]
    assert ("b.txt", 60, files[1].sha256, "stored") == (
        sent[1]["name"], sent[1]["size"], sent[1]["sha256"], sent[1]["state"],
    )  # fmt: skip


async def test_a_file_that_is_gone_does_not_stop_the_message(
    around: Surroundings, receiver: Receiver
) -> None:
    """A file that retention has taken is sent without content."""
    file = attachment(around, "a.txt", b"a")
    around.blobs.contents.clear()
    await make(around, receiver).open_ticket(forward(attachments=(file,)))
    assert [None] == [file["content"] for file in receiver.events[0]["data"]["attachments"]]


async def test_a_large_event_arrives_whole(around: Surroundings, receiver: Receiver) -> None:
    """Five MiB of attachment arrive byte for byte under a signature that fits."""
    around.clock.moment = real_now()
    data = bytes(range(256)) * 20_000
    await make(around, receiver).open_ticket(
        forward(attachments=(attachment(around, "big.bin", data),))
    )
    _, headers, body = receiver.requests[0]
    event = Webhook(NEW).verify(body, headers)
    assert data == base64.b64decode(event["data"]["attachments"][0]["content"])


async def test_running_keeps_one_session_for_all_events(
    around: Surroundings, receiver: Receiver
) -> None:
    """While the backend runs its events share a session; when it has stopped they still leave."""
    backend = make(around, receiver)
    running = asyncio.create_task(backend.run(around.intake))
    await around.http.in_use.wait()
    for i in range(3):
        await backend.open_ticket(forward(f"k{i}"))
    assert 1 == around.http.opened
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await backend.open_ticket(forward("k9"))
    assert (2, 4) == (around.http.opened, len(receiver.events))


async def test_a_probe_changes_nothing_unless_told_to_ping(
    around: Surroundings, receiver: Receiver
) -> None:
    """A probe is one HEAD request; with probe_event a signed ping follows."""
    receiver.say(405)
    assert Health() == await make(around, receiver).probe()
    receiver.say(204)
    around.clock.moment = real_now()
    assert Health() == await make(around, receiver, probe_event=True).probe()
    assert ["HEAD", "HEAD", "POST"] == [method for method, _, _ in receiver.requests]
    _, headers, body = receiver.requests[2]
    assert "ping" == Webhook(NEW).verify(body, headers)["type"]


async def test_a_probe_names_what_is_wrong(around: Surroundings, receiver: Receiver) -> None:
    """A ping that is refused makes the backend down, with the code and a sentence."""
    receiver.say(401)
    health = await make(around, receiver, probe_event=True).probe()
    assert ("down", "authentication_failed") == (health.state, health.code)
    assert "compare the secrets on both sides" in health.reason
