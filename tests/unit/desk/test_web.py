"""The desk's JSON API, over real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from gateway import Address, Attachment, Forward, Overloaded, Secret, StoreUnavailable
from gateway.testing import Surroundings, serve_routes
from gateway_desk.backend import Desk
from gateway_desk.settings import DeskSettings

TOKEN = {"authorization": "Bearer correct horse battery"}
FILE = b"%PDF-1.7 a bill"


@pytest.fixture
def around() -> Surroundings:
    """Make what surrounds a desk."""
    return Surroundings()


@pytest.fixture
async def desk(around: Surroundings) -> Desk:
    """Make a desk whose one ticket has a file."""
    desk = Desk(around.context(DeskSettings(token=Secret("correct horse battery"))))
    sha256 = hashlib.sha256(FILE).hexdigest()
    around.blobs.contents[sha256] = FILE
    stored = Attachment(name="bill.pdf", media_type="text/html", size=15, sha256=sha256, blob="b")
    await desk.open_ticket(
        Forward(
            key="k1",
            tenant="default",
            conversation="conv_1",
            message="msg_1",
            channel="support",
            author=Address(scheme="email", value="ann@example.org", name="Ann"),
            subject="Broken tap",
            text="It drips.",
            attachments=(stored, Attachment(name="film.mp4", state="too_large")),
        )
    )
    return desk


@pytest.fixture
async def client(desk: Desk, around: Surroundings) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve the API and give a client that holds the token."""
    async with (
        serve_routes(desk.routes(around.intake)) as url,
        aiohttp.ClientSession(base_url=f"{url}/", headers=TOKEN) as session,
    ):
        yield session


async def read(answer: aiohttp.ClientResponse) -> tuple[int, Any]:
    """Read status and JSON."""
    return answer.status, await answer.json(content_type=None)


def test_without_a_token_there_is_no_api(around: Surroundings) -> None:
    """A desk with no token, or an empty one, offers no routes."""
    for token in (None, Secret("")):
        assert () == Desk(around.context(DeskSettings(token=token))).routes(around.intake)


def test_a_token_that_can_be_guessed_is_refused() -> None:
    """A token needs 16 characters, and the sentence does not show the one given."""
    sentence = "^token to have at least 16 characters, as openssl rand -hex 24 makes it$"
    with pytest.raises(ValueError, match=sentence):
        DeskSettings(token=Secret("a" * 15))


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer",
        "Bearer wrong",
        "Bearer correct horse batteries",
        "Basic correct horse battery",
        "Bearer ключ",
    ],
)
async def test_a_wrong_token_gets_nothing(
    client: aiohttp.ClientSession, around: Surroundings, given: str
) -> None:
    """Without the token every path answers 401, and nothing enters."""
    headers = {"authorization": given}
    for method, path in (("GET", "tickets"), ("GET", "tickets/1"), ("POST", "tickets/1/replies")):
        async with client.request(method, path, headers=headers, json={"text": "x"}) as answer:
            status, problem = await read(answer)
            assert (401, "the desk's bearer token is missing or wrong") == (
                status,
                problem["detail"],
            )
            assert "Bearer" == answer.headers["www-authenticate"]
    assert [] == around.intake.accepted


async def test_tickets_are_listed(client: aiohttp.ClientSession) -> None:
    """The list shows every field of a ticket and has no cursor at its end."""
    async with client.get("tickets", params={"state": "open"}) as answer:
        status, page = await read(answer)
    assert (200, None, ["Broken tap"]) == (
        status,
        page["cursor"],
        [ticket["subject"] for ticket in page["tickets"]],
    )
    assert ("", []) == (page["tickets"][0]["assignee"], page["tickets"][0]["tags"])


async def test_pages_follow_one_another(
    client: aiohttp.ClientSession, around: Surroundings
) -> None:
    """The cursor of a ticket's entries leads through all of them."""
    for i in range(4):
        async with client.post("tickets/1/notes", json={"text": f"note {i}"}) as answer:
            assert 201 == answer.status
    texts, query = [], {"limit": "2"}
    while True:
        async with client.get("tickets/1", params=query) as answer:
            _, page = await read(answer)
        texts += [entry["text"] for entry in page["entries"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]
    assert ["It drips.", "note 0", "note 1", "note 2", "note 3"] == texts


async def test_an_answer_is_given_and_shown(
    client: aiohttp.ClientSession, around: Surroundings
) -> None:
    """POST replies makes an entry and an arrival; the same idempotency key makes no second one."""
    body = {"text": "Grüße, on our way.", "author": "Bob"}
    for _ in range(2):
        async with client.post(
            "tickets/1/replies", json=body, headers={"idempotency-key": "abc"}
        ) as answer:
            status, made = await read(answer)
            assert (201, "1-2", "agent", "customer") == (
                status,
                made["entry"]["id"],
                made["entry"]["author_kind"],
                made["entry"]["audience"],
            )
    assert 1 == len(around.intake.accepted)
    async with client.get("tickets/1") as answer:
        _, shown = await read(answer)
    assert ("waiting", "Grüße, on our way.") == (
        shown["ticket"]["state"],
        shown["entries"][1]["text"],
    )


async def test_state_and_assignee_are_changed(client: aiohttp.ClientSession) -> None:
    """POST state and POST assignee answer with the changed ticket."""
    async with client.post("tickets/1/state", json={"state": "resolved"}) as answer:
        _, changed = await read(answer)
    assert "resolved" == changed["ticket"]["state"]
    async with client.post("tickets/1/assignee", json={"assignee": "Bob"}) as answer:
        _, changed = await read(answer)
    assert ("resolved", "Bob") == (changed["ticket"]["state"], changed["ticket"]["assignee"])


async def test_an_attachment_comes_as_a_harmless_download(client: aiohttp.ClientSession) -> None:
    """The bytes come under a neutral media type, so that no browser runs what a customer sent."""
    async with client.get("tickets/1/entries/1/attachments/1") as answer:
        assert (200, FILE) == (answer.status, await answer.read())
        assert ("application/octet-stream", "attachment", "nosniff") == (
            answer.content_type,
            answer.headers["content-disposition"],
            answer.headers["x-content-type-options"],
        )


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("tickets/2", "there is no ticket 2 at this desk"),
        ("tickets/two", "there is no ticket 'two': a ticket is named by its number, as in 17"),
        (
            "tickets/1/entries/1/attachments/2",
            "the attachment 'film.mp4' is too_large",
        ),
        (
            "tickets/1/entries/1/attachments/3",
            "ticket 1 has no attachment 3 in an entry 1",
        ),
        (
            "tickets/1/entries/5/attachments/1",
            "ticket 1 has no attachment 1 in an entry 5",
        ),
    ],
)
async def test_what_is_not_there_is_named(
    client: aiohttp.ClientSession, path: str, sentence: str
) -> None:
    """Asking for what is not there is a 404 with a sentence."""
    async with client.get(path) as answer:
        status, problem = await read(answer)
    assert (404, sentence) == (status, problem["detail"])


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("state=lost", "state must be one of open, waiting, resolved, closed"),
        ("limit=0", "limit must be 1 to 200"),
        ("limit=1000", "limit must be 1 to 200"),
        ("limit=ten", "limit must be a number as an earlier answer gave it"),
        ("cursor=%00", "cursor must be a number as an earlier answer gave it"),
        ("cursor=99999999999", "cursor must be a number as an earlier answer gave it"),
    ],
)
async def test_a_bad_query_is_explained(
    client: aiohttp.ClientSession, query: str, sentence: str
) -> None:
    """A query that makes no sense is a 400 that says what was expected."""
    async with client.get(f"tickets?{query}") as answer:
        status, problem = await read(answer)
    assert (400, sentence) == (status, problem["detail"])


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("replies", b"", "Input data was truncated"),
        ("replies", b"{", "Input data was truncated"),
        ("replies", b"[]", "Expected `object`, got `array`"),
        ("replies", b"{}", "missing required field `text`"),
        ("replies", b'{"text": 1}', "Expected `str`, got `int` - at `$.text`"),
        ("replies", b'{"text": ""}', "at `$.text`"),
        ("replies", b'{"text": " \\n"}', "text is empty"),
        ("replies", b'{"text": "x", "to": "y"}', "contains unknown field `to`"),
        ("replies", b'{"text": "\xff"}', "the body is not what is expected here"),
        ("replies", b'{"text": "\\ud800"}', "the body is not what is expected here"),
        ("notes", b"[" * 200_000, "the body is not what is expected here"),
        ("state", b'{"state": "lost"}', "Invalid enum value 'lost' - at `$.state`"),
        ("assignee", b'{"assignee": null}', "Expected `str`, got `null` - at `$.assignee`"),
    ],
)
async def test_a_bad_body_is_explained(
    client: aiohttp.ClientSession, around: Surroundings, path: str, body: bytes, words: str
) -> None:
    """A body that cannot be read is a 400 that names the place, and nothing enters."""
    async with client.post(f"tickets/1/{path}", data=body) as answer:
        status, problem = await read(answer)
    assert (400, True, []) == (status, words in problem["detail"], around.intake.accepted)


async def test_an_idempotency_key_may_be_any_bytes(
    desk: Desk, client: aiohttp.ClientSession
) -> None:
    """A key that is no UTF-8 is a key like any other."""
    base = client._base_url
    assert base
    assert base.host
    for _ in range(2):
        reader, writer = await asyncio.open_connection(base.host, base.port)
        writer.write(
            b"POST /in/here/tickets/1/replies HTTP/1.1\r\nhost: x\r\n"
            b"authorization: Bearer correct horse battery\r\nidempotency-key: \xff\xfe\r\n"
            b'content-length: 12\r\n\r\n{"text":"x"}'
        )
        assert b"HTTP/1.1 201 Created\r\n" == await reader.readline()
        writer.close()
        await writer.wait_closed()
    assert 2 == len(await desk.entries(1))


async def test_another_text_under_a_used_key_is_a_conflict(client: aiohttp.ClientSession) -> None:
    """An idempotency key with another text answers 409."""
    statuses = []
    for text in ("one", "two"):
        async with client.post(
            "tickets/1/replies", json={"text": text}, headers={"idempotency-key": "a"}
        ) as answer:
            statuses.append(answer.status)
    assert [201, 409] == statuses


@pytest.mark.parametrize("error", [Overloaded("busy"), StoreUnavailable("no disk")])
async def test_what_was_not_stored_is_not_acknowledged(
    client: aiohttp.ClientSession, around: Surroundings, error: Exception
) -> None:
    """When nothing can be stored, the answer is 503 with Retry-After."""
    around.intake.fails = error
    async with client.post("tickets/1/replies", json={"text": "x"}) as answer:
        assert (503, "2") == (answer.status, answer.headers["retry-after"])
