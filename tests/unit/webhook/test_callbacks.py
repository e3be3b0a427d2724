"""Callbacks over real HTTP: what is believed, what is stored, and what the sender reads."""

from __future__ import annotations

import base64
import json
import pickle
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from standardwebhooks import Webhook

from gateway import (
    AgentReply,
    DraftAttachment,
    NewArrival,
    Overloaded,
    Secret,
    StoreUnavailable,
    TicketChange,
    UnreadableArrival,
)
from gateway.testing import Surroundings, as_stored, serve_routes
from gateway_webhook.backend import WebhookBackend
from gateway_webhook.settings import WebhookSettings
from gateway_webhook.signing import read_secret, sign

NEW, OLD, OUT = (f"whsec_{base64.b64encode(bytes([i]) * 32).decode()}" for i in range(3))
NOW = int(time.time())
REPLY = {"type": "reply.created", "data": {"ticket": "T-7", "text": "On our way."}}


@pytest.fixture
def around() -> Surroundings:
    """Make what surrounds a backend, at the present time."""
    around = Surroundings()
    around.clock.moment = NOW * 1000
    return around


def make(around: Surroundings, *reply_secrets: str) -> WebhookBackend:
    """Make a backend that takes callbacks signed with these."""
    return WebhookBackend(
        around.context(
            WebhookSettings(
                url="http://127.0.0.1:1/hook",
                secrets=(Secret(OUT),),
                reply_secrets=tuple(Secret(text) for text in reply_secrets),
            )
        )
    )


@pytest.fixture
def backend(around: Surroundings) -> WebhookBackend:
    """Make a backend with two live secrets."""
    return make(around, NEW, OLD)


class Sender:
    """A ticket system that signs with the reference implementation."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def send(
        self, event: Any, *, secret: str = NEW, identifier: str = "evt_1", at: int = NOW
    ) -> tuple[int, dict[str, Any]]:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        moment = datetime.fromtimestamp(at, tz=UTC)
        signature = Webhook(secret).sign(identifier, moment, body.decode("latin-1"))
        if not body.isascii():  # the reference signs text only
            signature = sign([read_secret(Secret(secret))], identifier, at, body)[
                "webhook-signature"
            ]
        return await self.post(
            body,
            {
                "webhook-id": identifier,
                "webhook-timestamp": str(at),
                "webhook-signature": signature,
            },
        )

    async def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        async with self.session.post("replies", data=body, headers=headers) as answer:
            self.headers = answer.headers
            return answer.status, await answer.json(content_type=None)


@pytest.fixture
async def sender(backend: WebhookBackend, around: Surroundings) -> AsyncIterator[Sender]:
    """Serve the callbacks and give a ticket system that calls them."""
    async with (
        serve_routes(backend.routes(around.intake)) as url,
        aiohttp.ClientSession(base_url=f"{url}/") as session,
    ):
        yield Sender(session)


@pytest.mark.parametrize("secret", [NEW, OLD])
async def test_a_signed_reply_is_stored_and_acknowledged(
    sender: Sender, around: Surroundings, secret: str
) -> None:
    """A reply signed with either live secret is stored byte for byte, in its ticket's lane."""
    assert (202, {"accepted": "evt_1"}) == await sender.send(REPLY, secret=secret)
    [new] = around.intake.accepted
    assert ("evt_1", "T-7", json.dumps(REPLY).encode()) == (new.key, new.lane, new.body)
    assert {"webhook-id": "evt_1", "webhook-timestamp": str(NOW)} == new.headers


async def test_the_same_event_again_has_the_same_key(sender: Sender, around: Surroundings) -> None:
    """A redelivery is acknowledged again under the same key, by which the gateway makes it one."""
    for _ in range(2):
        status, _answer = await sender.send(REPLY)
        assert 202 == status
    assert ["evt_1", "evt_1"] == [new.key for new in around.intake.accepted]


async def test_a_reply_is_read_whole(
    sender: Sender, around: Surroundings, backend: WebhookBackend
) -> None:
    """Text, html, author, files and time arrive in the agent's reply."""
    data = {
        "ticket": "T-7",
        "entry": "E-9",
        "audience": "customer",
        "text": "Grüße 水",
        "html": "<p>Grüße</p>",
        "subject": "Tap",
        "author": "Bob",
        "author_id": "u1",
        "at": "2026-05-28T20:26:40+00:00",
        "attachments": [{"name": "a.pdf", "media_type": "application/pdf", "content": "JVBERg=="}],
    }
    body = json.dumps({"type": "reply.created", "timestamp": "x", "data": data}, ensure_ascii=False)
    status, _ = await sender.send(body.encode())
    assert 202 == status
    assert [
        AgentReply(
            ticket="T-7",
            entry="E-9",
            audience="customer",
            author="Bob",
            author_id="u1",
            text="Grüße 水",
            html="<p>Grüße</p>",
            subject="Tap",
            attachments=(
                DraftAttachment(name="a.pdf", media_type="application/pdf", data=b"%PDF"),
            ),
            at=1_780_000_000_000,
        )
    ] == backend.parser(as_stored(around.intake.accepted[0]))


async def test_a_reply_that_says_little_stays_inside(
    sender: Sender, around: Surroundings, backend: WebhookBackend
) -> None:
    """Without an audience a reply is a note, and without an entry the event's id names it."""
    await sender.send(REPLY)
    [reply] = backend.parser(as_stored(around.intake.accepted[0]))
    assert AgentReply(ticket="T-7", entry="evt_1", audience="internal", text="On our way.") == reply


async def test_a_changed_ticket_is_read(
    sender: Sender, around: Surroundings, backend: WebhookBackend
) -> None:
    """A ticket's new state becomes a change, with the system's own word for it."""
    data = {"ticket": "T-7", "state": "resolved", "native_state": "done-done"}
    status, _ = await sender.send({"type": "ticket.changed", "data": data})
    assert 202 == status
    assert [TicketChange(ticket="T-7", state="resolved", native_state="done-done")] == (
        backend.parser(as_stored(around.intake.accepted[0]))
    )


async def test_a_ping_is_answered_and_not_stored(sender: Sender, around: Surroundings) -> None:
    """A ping proves that the secrets fit and leaves nothing behind."""
    status, _ = await sender.send({"type": "ping", "data": {}})
    assert (202, []) == (status, around.intake.accepted)


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        ({"secret": OUT}, "no signature in webhook-signature fits the body and a known secret"),
        ({"at": NOW - 301}, "webhook-timestamp is off by more than 300 seconds"),
        ({"at": NOW + 301}, "webhook-timestamp is off by more than 300 seconds"),
        (
            {"identifier": "x" * 256},
            "webhook-id must be at most 255 printable ASCII characters",
        ),
    ],
)
async def test_what_is_not_proven_is_refused(
    sender: Sender, around: Surroundings, options: dict[str, Any], detail: str
) -> None:
    """A foreign secret or a stale moment gets 401 with the reason, and nothing is stored."""
    status, problem = await sender.send(REPLY, **options)
    assert (401, detail, []) == (status, problem["detail"], around.intake.accepted)
    assert "application/problem+json" == sender.headers["content-type"]


async def test_an_unsigned_request_is_refused(sender: Sender, around: Surroundings) -> None:
    """Without the three headers nothing is even read."""
    status, problem = await sender.post(b"{", {})
    assert (401, []) == (status, around.intake.accepted)
    assert (
        "the request has no webhook-id, webhook-timestamp, webhook-signature header"
        == problem["detail"]
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "Input data was truncated"),
        (b"null", "Expected `object`, got `null`"),
        (b"{}", "missing required field `type`"),
        (b'{"type":"reply.created"', "Input data was truncated"),
        (b'{"type":"reply.created"}', "missing required field `data`"),
        (b'{"type":"ticket.open","data":{}}', "Invalid value 'ticket.open' - at `$.type`"),
        (b'{"type":"reply.created","data":{"ticket":"7"}}', "missing required field `text`"),
        (b'{"type":"reply.created","data":{"ticket":7,"text":"x"}}', "at `$.data.ticket`"),
        (b'{"type":"reply.created","data":{"ticket":"","text":"x"}}', "at `$.data.ticket`"),
        (b'{"type":"reply.created","data":{"ticket":"7\\n","text":"x"}}', "at `$.data.ticket`"),
        (b'{"type":"reply.created","data":{"ticket":"\\u0000","text":"x"}}', "`$.data.ticket`"),
        (b'{"type":"reply.created","data":{"ticket":"7","text":" "}}', "at `$.data.text`"),
        (b'{"type":"reply.created","data":{"ticket":"7","text":"\\ud800"}}', "not an event"),
        (b'{"type":"reply.created","data":{"ticket":"7","text":"\xff"}}', "not an event"),
        (
            b'{"type":"reply.created","data":{"ticket":"7","text":"x","audiense":"customer"}}',
            "contains unknown field `audiense`",
        ),
        (
            b'{"type":"reply.created","data":{"ticket":"7","text":"x","audience":"public"}}',
            "Invalid enum value 'public' - at `$.data.audience`",
        ),
        (
            b'{"type":"reply.created","data":{"ticket":"7","text":"x","at":"yesterday"}}',
            "Invalid RFC3339 encoded datetime - at `$.data.at`",
        ),
        (
            b'{"type":"reply.created","data":{"ticket":"7","text":"x","attachments":[{"name":"a","content":"!"}]}}',
            "Invalid base64 encoded string - at `$.data.attachments[0].content`",
        ),
        (b'{"type":"ticket.changed","data":{"ticket":"7","state":"gone"}}', "at `$.data.state`"),
        (b'{"type":"ping","data":' + b"[" * 100_000, "not an event"),
        (b"\x00" * 1000, "not an event"),
    ],
)
async def test_a_signed_body_that_cannot_be_read_is_explained(
    sender: Sender, around: Surroundings, body: bytes, words: str
) -> None:
    """Whatever a rightful sender sends, the answer is 400 with the place, never 500."""
    status, problem = await sender.send(body)
    assert (400, True, []) == (status, words in problem["detail"], around.intake.accepted)


@pytest.mark.parametrize("error", [Overloaded("busy"), StoreUnavailable("no disk")])
async def test_what_is_not_stored_is_not_acknowledged(
    sender: Sender, around: Surroundings, error: Exception
) -> None:
    """When nothing can be stored the answer is 503 with Retry-After, and a resend is taken."""
    around.intake.fails = error
    status, problem = await sender.send(REPLY)
    assert (503, "2") == (status, sender.headers["retry-after"])
    assert f"nothing was stored, come back later: {error}" == problem["detail"]
    around.intake.fails = None
    assert 202 == (await sender.send(REPLY))[0]


async def test_callbacks_take_the_events_secrets_if_they_have_none(around: Surroundings) -> None:
    """Without reply_secrets a callback is signed with a secret of the events."""
    async with (
        serve_routes(make(around).routes(around.intake)) as url,
        aiohttp.ClientSession(base_url=f"{url}/") as session,
    ):
        sender = Sender(session)
        assert 202 == (await sender.send(REPLY, secret=OUT))[0]
        assert 401 == (await sender.send(REPLY, secret=NEW))[0]


async def test_our_own_event_sent_back_is_no_callback(around: Surroundings) -> None:
    """An event reflected with our own signature is refused by its type."""
    async with (
        serve_routes(make(around).routes(around.intake)) as url,
        aiohttp.ClientSession(base_url=f"{url}/") as session,
    ):
        event = {"type": "ticket.entry", "data": {"ticket": "T-7", "text": "x"}}
        status, _ = await Sender(session).send(event, secret=OUT)
    assert (400, []) == (status, around.intake.accepted)


def test_what_was_never_a_callback_is_unreadable(backend: WebhookBackend) -> None:
    """A stored body that is no event goes to quarantine with its reason."""
    with pytest.raises(UnreadableArrival, match=r"^the body is not an event this gateway takes: "):
        backend.parser(as_stored(NewArrival(key="k", body=b"{")))


def test_the_parser_travels_to_a_worker_process(backend: WebhookBackend) -> None:
    """The parser can be pickled."""
    assert backend.parser is pickle.loads(pickle.dumps(backend.parser))
