"""Who may do what: tokens, scopes and tenants, for every operation of the table."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.server import ApiSettings
from gateway.domain.ids import show
from gateway.web.api.operation import PREFIX, Operation
from gateway.web.api.table import OPERATIONS
from tests.unit.web.client import Client
from tests.unit.web.world import TOKENS, World, serving

GUARDED = [one for one in OPERATIONS if one.scope is not None]
NAMED = [one for one in OPERATIONS if one.parts]
BODIES: dict[str, Any] = {
    "post_reply": {"text": "x"},
    "post_note": {"text": "x"},
    "patch_conversation": {"state": "resolved"},
    "merge_conversation": {"into": "conv_0000000000000"},
    "replay_quarantined": {},
}


def _name(operation: Operation) -> str:
    return operation.name


def _path(operation: Operation, world: World, which: str) -> str:
    """The operation's path with ids of a conversation's records."""
    quarantine = operation.path.startswith("/quarantine")
    poison = {"kettle": "poison", "secret": "their_poison"}.get(which, which)
    names = {
        "conversation": ("conv", which),
        "message": ("msg", f"{which}_question"),
        "delivery": ("dlv", f"{which}_dead"),
        "arrival": ("arr", f"arrival_{poison if quarantine else which}"),
    }
    filled = {
        part: show(prefix, world.ids.get(name, 7))  # type: ignore[arg-type]
        for part, (prefix, name) in names.items()
    }
    return PREFIX + operation.path.format(**filled, number=1)


@pytest.mark.parametrize("operation", GUARDED, ids=_name)
async def test_every_operation_needs_a_token(
    client: Client, world: World, operation: Operation
) -> None:
    """Without a token every operation answers 401 and says what to send."""
    got = await client.send(operation.method, _path(operation, world, "kettle"))
    assert (got.status, got.headers["www-authenticate"]) == (401, 'Bearer realm="intake-gateway"')
    assert got.json["detail"] == ("Send a token of the configuration: Authorization: Bearer TOKEN.")


@pytest.mark.parametrize("operation", GUARDED, ids=_name)
async def test_every_operation_needs_its_scope(
    client: Client, world: World, operation: Operation
) -> None:
    """A token without the operation's scope gets a 403 that names both."""
    who = next(n for n, (scopes, _) in TOKENS.items() if not {operation.scope, "admin"} & {*scopes})
    got = await client.send(operation.method, _path(operation, world, "kettle"), as_=who)
    assert got.status == 403
    assert got.json["detail"] == (
        f"This needs the scope {operation.scope!r}; the token {who!r} has: "
        f"{', '.join(sorted(TOKENS[who][0]))}."
    )


@pytest.mark.parametrize("operation", NAMED, ids=_name)
async def test_other_tenants_answer_like_nothing(
    client: Client, world: World, operation: Operation
) -> None:
    """Another tenant's id and one that never was are answered with the same bytes."""
    body = BODIES.get(operation.name)
    more = {} if body is None else {"json": body}
    theirs, nothing = (_path(operation, world, which) for which in ("kettle", "never"))
    got, missing = [
        await client.send(operation.method, path, as_="foreign", **more)
        for path in (theirs, nothing)
    ]
    assert (got.status, missing.status) == (404, 404)
    assert missing.body == got.body.replace(theirs.encode(), nothing.encode())
    assert {k: v for k, v in got.headers.items() if k not in ("date", "content-length")} == {
        k: v for k, v in missing.headers.items() if k not in ("date", "content-length")
    }
    assert world.committed == []


@pytest.mark.parametrize("operation", NAMED, ids=_name)
async def test_what_is_no_id_answers_like_nothing(client: Client, operation: Operation) -> None:
    """What cannot be an id is answered like one that never was."""
    path = PREFIX + operation.path.format(
        conversation="12", message="conv_0000000000000", arrival="%00", delivery="dlv_", number="x"
    )
    got = await client.send(operation.method, path, as_="admin")
    assert (got.status, got.json["detail"]) == (
        404, "There is nothing here that this token may see.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        ("Bearer wrong-token-0123456789", "The token is not one of the configuration."),
        ("Bearer ", "The token is not one of the configuration."),
        ("Bearer", "The token is not one of the configuration."),
        ("Basic eDp5", "The Authorization header has to be: Bearer TOKEN."),
        ("Bearer tök", "The token is not one of the configuration."),
    ],
)
async def test_wrong_tokens(client: Client, sent: str, detail: str) -> None:
    """A wrong token or scheme gets a 401 that says what is wrong."""
    got = await client.get("/api/v1/conversations", headers={"Authorization": sent})
    assert (got.status, got.json["detail"]) == (401, detail)


async def test_closed_without_tokens(world: World) -> None:
    """An API without tokens is closed and says how to open it."""
    async with serving(world.services(api=ApiSettings())) as client:
        got = await client.get("/api/v1/conversations", as_="reader")
    assert (got.status, got.json["detail"]) == (
        401, "No tokens are configured: add [api.tokens.NAME] to the configuration.",
    )  # fmt: skip


async def test_lists_hold_back_other_tenants(client: Client) -> None:
    """No listing shows a row of another tenant."""
    for path in ("conversations", "deliveries", "dead-letters", "quarantine"):
        got = (await client.get(f"/api/v1/{path}", as_="foreign")).json
        assert {"other"} == {one["tenant"] for one in got["items"]}


async def test_tokens_are_not_logged(client: Client, world: World) -> None:
    """The access log names the token's name and the route, never the token or the query."""
    await client.get("/api/v1/conversations?text=private", as_="reader")
    [line] = world.log.lines
    level, event, facts = line
    assert (level, event) == ("info", "request")
    assert facts.pop("took_ms") >= 0
    assert facts == {
        "method": "GET", "route": "/api/v1/conversations", "status": 200, "peer": "127.0.0.1",
        "caller": "reader",
    }  # fmt: skip
