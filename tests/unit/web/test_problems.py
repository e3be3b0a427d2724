"""The words that a caller sees when something is wrong with a request."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.addresses import Listen
from gateway.config.server import WebSettings
from gateway.domain.ids import show
from gateway.errors import (
    HookFailure,
    NotFound,
    Overloaded,
    Refused,
    StoreBroken,
    StoreUnavailable,
)
from gateway.web.problems import KINDS, as_problem, codes
from tests.unit.web.client import Client, Got
from tests.unit.web.world import World, filled_world, serving

API = "/api/v1"
JSON = {"Content-Type": "application/json"}


def test_every_code_has_a_kind() -> None:
    """No code is without its status and title."""
    assert set(codes()) == set(KINDS)


async def _reply(client: Client, world: World, **more: Any) -> Got:
    path = f"{API}/conversations/{show('conv', world.ids['kettle'])}/replies"
    return await client.post(path, as_="agent", **more)


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"", 400, "The body is empty."),
        (b"{", 400, "The body is not JSON: Input data was truncated."),
        (b'{"text": "a"} x', 400, "The body is not JSON: JSON is malformed: trailing characters"),
        (b'{"text": "\xff"}', 400, "The body is not JSON: "),
        (b'{"text": "\\ud800"}', 400, "The body is not JSON: "),
        (b'{"text": "a", "x": 1}', 422, "body.x: it is not known here."),
        (b"{}", 422, "body.text: it is missing."),
        (
            b'{"txt": "a", "subject": 1, "attachments": [{"name": "", "content": ""}]}',
            422,
            (
                "body.txt: it is not known here (did you mean 'text'?). body.text: it is missing. "
                "body.subject: expected str, got int. body.attachments[0].name: expected str of "
                "length >= 1."
            ),
        ),
        (
            b'{"text": "a", "attachments": [{"name": "a\\nb", "content": ""}]}',
            422,
            "body.attachments[0].name: expected a name in one line.",
        ),
        (b"[]", 422, "body: expected object, got array."),
        (b'{"text": 1}', 422, "body.text: expected str, got int."),
        (b'{"text": " \\n"}', 422, "body.text: expected a text that is not empty."),
        (
            b'{"text": "a", "subject": "a\\nBcc: b"}',
            422,
            "body.subject: expected one line of text, of at most 255 characters.",
        ),
        (
            b'{"text": "a", "subject": "a\\n"}',
            422,
            "body.subject: expected one line of text, of at most 255 characters.",
        ),
        (
            b'{"text": "a", "attachments": [{"name": "n"}]}',
            422,
            "body.attachments[0].content: it is missing.",
        ),
        (
            b'{"text": "a", "attachments": [{"name": "n", "content": "*"}]}',
            422,
            "body.attachments[0].content: invalid base64 encoded string.",
        ),
        (b'{"text": "a", "html": ' + b"[" * 50_000, 422, "body.html: expected str, got array."),
    ],
)
async def test_bad_bodies(
    client: Client, world: World, body: bytes, status: int, detail: str
) -> None:
    """A body that is not as expected is refused with where and what, and nothing is stored."""
    got = await _reply(client, world, data=body, headers=JSON)
    assert (got.status, got.json["detail"][: len(detail)]) == (status, detail)
    assert got.headers["content-type"] == "application/problem+json"
    assert world.accepted == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {**JSON, "Content-Encoding": "gzip"},
    ],
)
async def test_other_media_types(client: Client, world: World, headers: dict[str, str]) -> None:
    """A body that is not declared as plain JSON gets a 415 that says what to send."""
    got = await _reply(client, world, data=b'{"text": "a"}', headers=headers)
    assert (got.status, got.json["detail"]) == (
        415, "Send JSON, not compressed, with Content-Type: application/json.",
    )  # fmt: skip


async def test_faults_are_not_told_without_end(client: Client, world: World) -> None:
    """A body full of what is not known gets a short answer."""
    body = {"text": "a", **{f"text{number}": 1 for number in range(10_000)}}
    got = await _reply(client, world, json=body)
    assert (422, 20) == (got.status, len(got.json["faults"]))


async def test_body_where_none_belongs(client: Client, world: World) -> None:
    """An operation without a body refuses one instead of ignoring what it says."""
    path = f"{API}/deliveries/{show('dlv', world.ids['kettle_dead'])}/replay"
    got = await client.post(path, as_="operator", json={"force": True})
    assert (got.status, got.json["detail"]) == (422, "body: this operation takes no body.")


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("limit=0", "query.limit: expected int >= 1."),
        ("limit=201", "query.limit: expected int <= 200."),
        ("limit=x", "query.limit: expected int, got str."),
        ("limit=1&limit=2", "query.limit: it is given twice."),
        ("limits=1", "query.limits: it is not known here (did you mean 'limit'?)."),
        ("state=lost", "query.state: expected one of "),
        ("before=AAAA", "before is no cursor of this listing."),
        ("before=cAAAAAAAAAAB", "before is no cursor of this listing."),
        ("before=Y_________w", "before is no cursor of this listing."),
        ("before=!", "before is no cursor of this listing."),
        ("before=%C2%84", "before is no cursor of this listing."),
        ("text=%00", "query.text: expected one line of text, of at most 255 characters."),
    ],
)
async def test_bad_queries(client: Client, query: str, detail: str) -> None:
    """A query that is not as declared is refused with the parameter's name."""
    got = await client.get(f"{API}/conversations?{query}", as_="reader")
    assert (got.status, got.json["detail"][: len(detail)]) == (422, detail)


async def test_edges_over_postgresql(postgres_url: str) -> None:
    """The largest ids and cursors, and bytes that are no text, are answered there as well."""
    edges = [
        ("conversations?before=Y3__________&channel=%ff&identity=%ed%a0%80&text=a%25", 200),
        ("deliveries?conversation=conv_7zzzzzzzzzzzz&message=msg_7zzzzzzzzzzzz", 200),
        ("deliveries?conversation=conv_zzzzzzzzzzzzz&target=%c3", 200),
        ("quarantine?before=cX__________&limit=200", 200),
        ("conversations/conv_7zzzzzzzzzzzz/messages?after=bX__________", 404),
        ("messages/msg_7zzzzzzzzzzzz/why", 404),
    ]
    async with filled_world(postgres_url) as world, serving(world.services()) as client:
        for path, status in edges:
            got = await client.get(f"{API}/{path}", as_="reader")
            assert (path, got.status) == (path, status)
        kettle = show("conv", world.ids["kettle"])
        path = f"conversations/{kettle}/messages?after=bX__________"
        assert (await client.get(f"{API}/{path}", as_="reader")).status == 200
        for page in ("/", f"/conversations/{kettle}", "/quarantine", "/dead-letters"):
            assert (await client.get(page)).status == 200


@pytest.mark.parametrize("text", ["%ff", "%ed%a0%80", "a%c3", "%f0%9f%98%80"])
async def test_odd_bytes_in_a_query(client: Client, text: str) -> None:
    """Bytes that are no text in a query find nothing and break nothing."""
    got = await client.get(f"{API}/conversations?text={text}", as_="reader")
    assert (got.status, got.json["items"]) == (200, [])


async def test_cursor_of_another_listing(client: Client) -> None:
    """A cursor of one listing is refused by another instead of leading somewhere."""
    page = (await client.get(f"{API}/deliveries?limit=1", as_="reader")).json
    got = await client.get(f"{API}/conversations?before={page['next']}", as_="reader")
    assert got.status == 422
    assert got.json["faults"] == [
        {"path": "query.before", "reason": "it has to be `next` of a page of this listing"}
    ]


async def test_body_over_the_limit(world: World) -> None:
    """A body over the limit gets a 413 that names the limit, declared or not."""

    async def pieces() -> Any:
        for _ in range(3):
            yield b"x" * 1000

    web = WebSettings(listen=Listen("127.0.0.1", 0), body_limit=2048)
    async with serving(world.services(web=web)) as client:
        declared = await _reply(client, world, data=b"x" * 3000, headers=JSON)
        streamed = await _reply(client, world, data=pieces(), headers=JSON)
    for got in (declared, streamed):
        assert (got.status, got.json["detail"]) == (413, "A body may have 2048 bytes at most.")


async def test_unknown_path_and_method(client: Client) -> None:
    """An unknown path is a 404 and an unknown method a 405 that names the known ones."""
    missing = await client.get("/api/v1/nothing", as_="admin")
    assert (missing.status, missing.json["instance"]) == (404, "/api/v1/nothing")
    wrong = await client.send("DELETE", "/api/v1/conversations", as_="admin")
    assert (wrong.status, wrong.headers["allow"], wrong.json["detail"]) == (
        405, "GET", "Known here: GET.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status", "code", "retry"),
    [
        (NotFound("message 7 of tenant x"), 404, "not_found", None),
        (Refused("it is open"), 409, "refused", None),
        (Overloaded("full"), 503, "overloaded", "2"),
        (StoreUnavailable("no disk"), 503, "store_unavailable", "5"),
        (StoreBroken("EIO"), 503, "store_unavailable", "5"),
        (HookFailure("redact_message", "cards", ValueError("4111")), 503, "redaction_failed", "30"),
    ],
)
def test_errors_of_the_core(error: Exception, status: int, code: str, retry: str | None) -> None:
    """Every error that the core raises has its problem, and none tells what others said."""
    problem = as_problem(error)
    assert problem is not None
    assert (problem.status, problem.code, problem.headers.get("Retry-After")) == (
        status, code, retry,
    )  # fmt: skip
    assert "4111" not in problem.detail
    assert "tenant x" not in problem.detail


async def test_failing_redaction_shows_nothing(world: World) -> None:
    """When the redaction fails nothing is shown, and the problem names the plugin."""

    async def failing(*_: Any) -> Any:
        raise HookFailure("redact_message", "cards", ValueError("boom"))

    async with serving(world.services(redact=failing)) as client:
        got = await client.get(f"{API}/conversations", as_="reader")
    assert (got.status, got.json["title"]) == (503, "Nothing is shown unredacted")
    assert "'cards'" in got.json["detail"]


async def test_unforeseen_error_tells_no_details(world: World) -> None:
    """What nobody foresaw is a 500 without details; the log has the error and its place."""

    async def failing(*_: Any) -> Any:
        raise ZeroDivisionError("of a private thing")

    async with serving(world.services(redact=failing)) as client:
        got = await client.get(f"{API}/conversations", as_="reader")
    assert got.status == 500
    assert b"private" not in got.body
    [(_, event, facts)] = [line for line in world.log.lines if line[0] == "error"]
    assert (event, facts["error"]) == (
        "request.failed", "ZeroDivisionError: of a private thing",
    )  # fmt: skip
    assert facts["where"].startswith("test_problems.py:")
