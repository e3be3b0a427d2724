"""Reading through the API: conversations, messages, deliveries, quarantine, health."""

from __future__ import annotations

import base64
from typing import Literal

import msgspec
import pytest

from gateway.domain.health import Health
from gateway.domain.ids import show
from gateway.domain.message import Message
from tests.unit.web.client import Client
from tests.unit.web.world import World, serving

API = "/api/v1"


async def test_conversations_are_listed_newest_first(client: Client, world: World) -> None:
    """A token sees its tenant's conversations, the newest first, with a redacted subject."""
    got = await client.get(f"{API}/conversations", as_="reader")
    assert got.status == 200
    assert [show("conv", world.ids[name]) for name in ("toaster", "kettle")] == [
        one["id"] for one in got.json["items"]
    ]
    assert got.json["items"][1]["subject"] == "The kettle [card …1111]"
    assert got.json["next"] is None
    assert got.json["items"][0]["opened_at"] == "2026-05-28T20:26:40Z"


async def test_conversations_name_their_customers(client: Client, world: World) -> None:
    """Each names who opened it, by name, address and proof; an erased one is nobody."""
    toaster = {
        "name": "Ada", "scheme": "email", "value": "toaster@example.org", "proof": "asserted",
    }  # fmt: skip
    got = await client.get(f"{API}/conversations", as_="reader")
    assert got.json["items"][0]["customer"] == toaster
    path = f"{API}/conversations/{_c(world, 'toaster')}"
    assert (await client.get(path, as_="reader")).json["customer"] == toaster
    who = {"person": "email:toaster@example.org"}
    erased = await client.post(f"{API}/erasures", as_="admin", json=who)
    assert erased.status == 200
    [toaster_, _] = (await client.get(f"{API}/conversations", as_="reader")).json["items"]
    assert (toaster_["id"], toaster_["customer"]) == (_c(world, "toaster"), None)


async def test_all_tenants_token_sees_all(client: Client) -> None:
    """A token for all tenants sees every conversation."""
    got = await client.get(f"{API}/conversations", as_="admin")
    assert {one["tenant"] for one in got.json["items"]} == {"default", "other"}


async def test_pages_lead_through_everything(client: Client) -> None:
    """Following `next` shows every row once and then ends."""
    found, path = [], f"{API}/conversations?limit=1"
    while path:
        got = (await client.get(path, as_="admin")).json
        found += [one["id"] for one in got["items"]]
        path = got["next"] and f"{API}/conversations?limit=1&before={got['next']}"
    assert len(set(found)) == len(found) == 3


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("state=open", 2),
        ("state=closed", 0),
        ("tier=L1", 2),
        ("tier=L3", 0),
        ("channel=support", 2),
        ("channel=phone", 0),
        ("identity=email:kettle@example.org", 1),
        ("identity=secret@example.org", 0),
        ("text=TOASTER", 1),
        ("text=100%25", 0),
    ],
)
async def test_filters_narrow(client: Client, query: str, count: int) -> None:
    """Each filter narrows the listing, and none reaches into another tenant."""
    got = await client.get(f"{API}/conversations?{query}", as_="reader")
    assert (got.status, len(got.json["items"])) == (200, count)


async def test_conversation_is_shown_whole(client: Client, world: World) -> None:
    """A conversation comes with its people, threads and tickets."""
    got = (await client.get(f"{API}/conversations/{_c(world, 'kettle')}", as_="reader")).json
    assert got["subject"] == "The kettle [card …1111]"
    assert (got["queue"], got["tags"], got["backends"]) == ("kitchen", ["hot"], ["desk"])
    assert got["person"]["name"] == "Ada <b>"
    assert [(one["scheme"], one["value"], one["role"]) for one in got["participants"]] == [
        ("email", "kettle@example.org", "requester")
    ]
    assert [one["native_id"] for one in got["threads"]] == ["<kettle@example.org>"]
    assert [one["external_id"] for one in got["tickets"]] == ["T-kettle"]


async def test_messages_are_redacted_and_in_order(client: Client, world: World) -> None:
    """Messages come oldest first; a card number in one is blacked out."""
    path = f"{API}/conversations/{_c(world, 'kettle')}/messages"
    got = (await client.get(path, as_="reader")).json
    assert [one["direction"] for one in got["items"]] == ["in", "out"]
    assert got["items"][0]["text"].endswith("does not work, [card …1111]")
    assert got["items"][0]["sent_at"] == "2026-05-28T20:26:35Z"
    first = (await client.get(f"{path}?limit=1", as_="reader")).json
    second = (await client.get(f"{path}?limit=1&after={first['next']}", as_="reader")).json
    assert [1, 2] == [one["seq"] for page in (first, second) for one in page["items"]]


async def test_message_is_shown(client: Client, world: World) -> None:
    """One message can be read by its id, redacted as everywhere."""
    shown = show("msg", world.ids["kettle_question"])
    got = (await client.get(f"{API}/messages/{shown}", as_="reader")).json
    assert (got["id"], got["author"]["address"]) == (shown, "email:kettle@example.org")
    assert "4111" not in str(got)
    assert [one["url"] for one in got["attachments"]] == [
        f"{API}/messages/{shown}/attachments/1", None,
    ]  # fmt: skip


async def test_attachment_is_a_download(client: Client, world: World) -> None:
    """An attachment leaves as a download that no browser runs, whatever its sender claimed."""
    message = show("msg", world.ids["kettle_question"])
    got = await client.get(f"{API}/messages/{message}/attachments/1", as_="reader")
    assert (got.status, got.body) == (200, b"%PDF-1.7 a drawing")
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-disposition"] == (
        'attachment; filename="Zeichnung _gr__er_.pdf"; '
        "filename*=UTF-8''Zeichnung%20%22gr%C3%B6%C3%9Fer%22.pdf"
    )


@pytest.mark.parametrize(
    ("number", "status", "detail"),
    [
        (2, 409, "The attachment was not kept: too_large."),
        (3, 404, "There is nothing here that this token may see."),
        (0, 404, "There is nothing here that this token may see."),
    ],
)
async def test_attachment_that_is_not_there(
    client: Client, world: World, number: int, status: int, detail: str
) -> None:
    """An attachment that was not kept says so; one that never was is not found."""
    message = show("msg", world.ids["kettle_question"])
    got = await client.get(f"{API}/messages/{message}/attachments/{number}", as_="reader")
    assert (got.status, got.json["detail"]) == (status, detail)


async def test_attachment_that_the_redaction_takes_away(world: World) -> None:
    """An attachment that people may not see cannot be downloaded by its number either."""

    async def redact(message: Message, _: Literal["console"]) -> Message:
        return msgspec.structs.replace(message, attachments=())

    message = show("msg", world.ids["kettle_question"])
    async with serving(world.services(redact=redact)) as client:
        got = await client.get(f"{API}/messages/{message}/attachments/1", as_="admin")
    assert got.status == 404


async def test_why_of_a_message(client: Client, world: World) -> None:
    """The chain of decisions comes with the arrival it rests on and the deliveries it made."""
    message = show("msg", world.ids["kettle_question"])
    got = (await client.get(f"{API}/messages/{message}/why", as_="reader")).json
    assert [one["outcome"] for one in got["decisions"]] == ["new", "desk"]
    assert [one["id"] for one in got["arrivals"]] == [show("arr", world.ids["arrival_kettle"])]
    assert {one["target"] for one in got["deliveries"]} == {"backend/desk", "backend/rt"}
    assert "4111" not in str(got["message"])


async def test_why_of_an_arrival(client: Client, world: World) -> None:
    """An arrival that became no message is explained by its own decisions."""
    arrival = show("arr", world.ids["arrival_poison"])
    got = (await client.get(f"{API}/arrivals/{arrival}/why", as_="reader")).json
    assert got["message"] is None
    assert [one["reason"] for one in got["decisions"]] == ["it cannot be read"]
    assert got["arrivals"][0]["reason"]["code"] == "unreadable"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("state=dead", ["toaster_dead", "kettle_dead"]),
        ("target=backend/desk", ["toaster_delivered", "kettle_delivered"]),
        ("conversation={kettle}&state=unknown", ["kettle_unknown"]),
        ("message={answer}", ["kettle_unknown"]),
        ("conversation={secret}", []),
    ],
)
async def test_deliveries_are_found(
    client: Client, world: World, query: str, names: list[str]
) -> None:
    """Deliveries are found by state, target, conversation and message, within the tenant."""
    filled = query.format(
        kettle=_c(world, "kettle"),
        secret=_c(world, "secret"),
        answer=show("msg", world.ids["kettle_answer"]),
    )
    got = await client.get(f"{API}/deliveries?{filled}", as_="reader")
    assert [show("dlv", world.ids[name]) for name in names] == [
        one["id"] for one in got.json["items"]
    ]


async def test_delivery_is_shown(client: Client, world: World) -> None:
    """A delivery shows how often it was tried and what happened."""
    shown = show("dlv", world.ids["kettle_dead"])
    got = (await client.get(f"{API}/deliveries/{shown}", as_="reader")).json
    assert (got["state"], got["attempts"], got["last_error"]) == ("dead", 3, "RT refuses the queue")
    assert got["history"][0]["error"] == "no such queue"


async def test_dead_letters_are_dead_or_unknown(client: Client) -> None:
    """Dead letters are what was given up, and what may or may not have arrived."""
    got = (await client.get(f"{API}/dead-letters", as_="reader")).json
    assert [one["state"] for one in got["items"]] == ["unknown", "dead", "unknown", "dead"]
    page = (await client.get(f"{API}/dead-letters?limit=3", as_="reader")).json
    rest = (await client.get(f"{API}/dead-letters?before={page['next']}", as_="reader")).json
    assert got["items"] == page["items"] + rest["items"]


async def test_quarantine_is_listed(client: Client, world: World) -> None:
    """The quarantine shows each arrival with its reason, newest first."""
    got = (await client.get(f"{API}/quarantine", as_="reader")).json
    assert [one["id"] for one in got["items"]] == [
        show("arr", world.ids[f"arrival_{name}"]) for name in ("held", "poison")
    ]
    assert got["items"][1]["reason"]["error"] == "<poison> cannot be read"
    page = (await client.get(f"{API}/quarantine?limit=1", as_="reader")).json
    rest = (await client.get(f"{API}/quarantine?before={page['next']}", as_="reader")).json
    assert got["items"] == page["items"] + rest["items"]


@pytest.mark.parametrize(("who", "seen"), [("reader", None), ("operator", b"\xff\x00 poison")])
async def test_raw_bytes_are_for_operators(
    client: Client, world: World, who: str, seen: bytes | None
) -> None:
    """The bytes of a quarantined arrival are shown to the scope operate and to nobody else."""
    arrival = show("arr", world.ids["arrival_poison"])
    got = (await client.get(f"{API}/quarantine/{arrival}", as_=who)).json
    assert (got["size"], got["headers"]) == (9, {"x-peer": "mx.example.org"})
    assert (got["body"] and base64.b64decode(got["body"])) == seen


async def test_processed_arrival_is_not_in_quarantine(client: Client, world: World) -> None:
    """An arrival that was processed is not found in the quarantine."""
    arrival = show("arr", world.ids["arrival_kettle"])
    assert (await client.get(f"{API}/quarantine/{arrival}", as_="operator")).status == 404


async def test_health_names_every_part(world: World) -> None:
    """Health names well and sick parts; what waits in all is only for who may see all tenants."""
    services = world.services()
    services.board.report("channel/support", Health())
    services.board.report("backend/rt", Health(state="down", code="unreachable", reason="no route"))
    async with serving(services) as client:
        mine = (await client.get(f"{API}/health", as_="reader")).json
        all_ = (await client.get(f"{API}/health", as_="admin")).json
    assert (mine["status"], mine["counts"]) == ("degraded", None)
    assert [(one["part"], one["state"], one["reason"]) for one in mine["parts"]] == [
        ("backend/rt", "down", "no route"), ("channel/support", "ok", ""),
    ]  # fmt: skip
    assert all_["counts"]["arrivals_quarantined"] == 3
    assert all_["counts"]["deliveries_dead"] == {"backend/rt": 3}


async def test_health_names_nothing_of_other_tenants(world: World) -> None:
    """A token of one tenant sees its own parts, and what all share without anybody's names."""
    services = world.services()
    down = Health(state="down", code="unreachable", reason="no route to other.example")
    for part in ("channel/support", "reconcile/support", "outbox/backend/rt"):
        services.board.report(part, Health())
    for part in ("backend/theirs", "poll/theirs", "outbox/backend/theirs", "outbox/channel/gone"):
        services.board.report(part, down)
    async with serving(services) as client:
        mine = (await client.get(f"{API}/health", as_="reader")).json
        theirs = (await client.get(f"{API}/health", as_="foreign")).json
        services.board.report("intake", Health(state="degraded", code="high_water", reason="other"))
        shared = (await client.get(f"{API}/health", as_="reader")).json
    assert ("ready", ["channel/support", "outbox/backend/rt", "reconcile/support"]) == (
        mine["status"], [one["part"] for one in mine["parts"]],
    )  # fmt: skip
    assert ("degraded", ["backend/theirs", "outbox/backend/theirs", "poll/theirs"]) == (
        theirs["status"], [one["part"] for one in theirs["parts"]],
    )  # fmt: skip
    [intake] = [one for one in shared["parts"] if one["part"] == "intake"]
    assert ("high_water", "the operators of the gateway know why") == (
        intake["code"], intake["reason"],
    )  # fmt: skip


def _c(world: World, name: str) -> str:
    return show("conv", world.ids[name])
