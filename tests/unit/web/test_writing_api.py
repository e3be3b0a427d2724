"""Writing through the API: replies, notes, states, merges, replays."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from typing import Any

import msgspec
import pytest

from gateway.core.api_reply import ApiReply
from gateway.core.pipeline.keys import exact_key, loose_key
from gateway.domain.changes import Claim
from gateway.domain.ids import read, show
from gateway.domain.message import Author, Message
from tests.unit.web.client import Client, Got
from tests.unit.web.world import World

API = "/api/v1"
TOASTER = "email:toaster@example.org"


def _c(world: World, name: str) -> str:
    return show("conv", world.ids[name])


async def _stored(world: World, got: Got) -> tuple[Any, ApiReply]:
    stored = await world.store.arrival(None, read("arr", got.json["arrival"]))
    return stored, msgspec.json.decode(stored.arrival.body, type=ApiReply)


async def test_reply_is_stored_before_it_is_answered(client: Client, world: World) -> None:
    """A reply is a durable arrival for the customer once it is answered with 202."""
    got = await client.post(
        f"{API}/conversations/{_c(world, 'kettle')}/replies",
        as_="agent",
        json={
            "text": "Try again", "html": "<p>Try again</p>", "subject": "Re: kettle",
            "author": "Grace", "attachments": [
                {"name": "a.txt", "media_type": "text/plain", "content": "aGk="}
            ],
        },
    )  # fmt: skip
    assert got.status == 202
    assert got.json["conversation"] == _c(world, "kettle")
    assert got.headers["location"] == f"{API}/arrivals/{got.json['arrival']}/why"
    stored, said = await _stored(world, got)
    assert (stored.state, stored.arrival.source_kind) == ("waiting", "api")
    assert (said.conversation, said.text, said.internal, said.author) == (
        world.ids["kettle"], "Try again", False, "Grace",
    )  # fmt: skip
    assert (said.attachments[0].name, said.attachments[0].data) == ("a.txt", b"hi")
    assert 1 == len(world.accepted)


async def test_note_is_internal_and_names_the_token(client: Client, world: World) -> None:
    """A note is internal; without an author it bears the token's name."""
    got = await client.post(
        f"{API}/conversations/{_c(world, 'kettle')}/notes", as_="agent", json={"text": "A relapse"}
    )
    _, said = await _stored(world, got)
    assert (got.status, said.internal, said.author) == (202, True, "agent")


async def test_repeated_key_is_one_reply(client: Client, world: World) -> None:
    """A reply sent again under its key is answered as the first was, and nothing is stored."""
    first = await _reply(client, world, "k-1", {"text": "Once"})
    await _work_on(world, first)
    again = await _reply(client, world, "k-1", {"text": "Once"})
    assert (202, first.json) == (again.status, again.json)
    assert 1 == len(world.accepted)


async def test_key_for_other_content_is_refused(client: Client, world: World) -> None:
    """A key that stood for another reply is refused in words, so that no reply vanishes."""
    await _work_on(world, await _reply(client, world, "k-1", {"text": "Once"}))
    got = await _reply(client, world, "k-1", {"text": "Something else"})
    assert got.status == 422
    assert got.json == {
        "type": "urn:intake-gateway:problem:key_reused",
        "title": "The idempotency key stands for another request",
        "status": 422,
        "detail": "Use a new key for a new message; nothing was taken in.",
        "instance": f"{API}/conversations/{_c(world, 'kettle')}/replies",
        "faults": [
            {
                "path": "header.idempotency-key",
                "reason": "it came before with other content",
            }
        ],
    }
    assert 1 == len(world.accepted)


async def test_keys_belong_to_token_and_conversation(client: Client, world: World) -> None:
    """The same key by another token, or in another conversation, is another reply."""
    await _work_on(world, await _reply(client, world, "k-1", {"text": "Once"}))
    others = [
        await _reply(client, world, "k-1", {"text": "Other"}, where="toaster"),
        await _reply(client, world, "k-1", {"text": "Other"}, as_="writer"),
    ]
    assert [202, 202] == [one.status for one in others]
    assert 3 == len(world.accepted)


async def test_key_while_the_first_waits(client: Client, world: World) -> None:
    """While the first still waits, a repeat is stored under the same key for the pipeline."""
    answers = await asyncio.gather(
        *(_reply(client, world, "k-2", {"text": "Once"}) for _ in range(3))
    )
    arrivals = [(await _stored(world, one))[0].arrival for one in answers]
    assert len({(one.source, one.key, one.sha256) for one in arrivals}) == 1


@pytest.mark.parametrize("key", ["", "with space", "ü", "x" * 201])
async def test_bad_key_is_refused(client: Client, world: World, key: str) -> None:
    """A key that cannot be one is refused and says what one is."""
    got = await _reply(client, world, key, {"text": "Once"})
    assert got.status == 422
    assert got.json["faults"] == [
        {
            "path": "header.idempotency-key",
            "reason": "one key of 1 to 200 visible ASCII characters",
        }
    ]


async def test_state_is_set(client: Client, world: World) -> None:
    """A conversation can be resolved; the decision names the token."""
    path = f"{API}/conversations/{_c(world, 'kettle')}"
    got = await client.send("PATCH", path, as_="agent", json={"state": "resolved"})
    assert (got.status, got.json["state"]) == (200, "resolved")
    assert got.json["resolved_at"] == "2026-05-28T20:26:40Z"
    [decision] = world.committed[-1].decisions
    assert "API token 'agent' set it" == decision.reason


async def test_merge_and_unmerge(client: Client, world: World) -> None:
    """A merge shows both conversations' messages in one, and its undo parts them again."""
    one, into = _c(world, "kettle"), _c(world, "toaster")
    merged = await client.post(
        f"{API}/conversations/{one}/merge", as_="operator", json={"into": into}
    )
    assert merged.status == 200
    assert (merged.json["kind"], merged.json["a"], merged.json["b"]) == ("merged_into", one, into)
    path = f"{API}/conversations/{into}/messages"
    assert len((await client.get(path, as_="reader")).json["items"]) == 4
    again = await client.post(
        f"{API}/conversations/{one}/merge", as_="operator", json={"into": into}
    )
    assert (again.status, again.json["detail"]) == (
        409,
        f"{one} is already merged into {into}; work with that one, or undo its merge.",
    )
    undone = await client.post(f"{API}/conversations/{one}/unmerge", as_="operator")
    assert (undone.status, undone.json["merged_into"]) == (200, None)
    assert len((await client.get(path, as_="reader")).json["items"]) == 2
    twice = await client.post(f"{API}/conversations/{one}/unmerge", as_="operator")
    assert (twice.status, twice.json["title"]) == (409, "Not possible in the present state")


@pytest.mark.parametrize("into", ["conv_0000000000000", "nonsense"])
async def test_merge_into_nothing(client: Client, world: World, into: str) -> None:
    """A merge into what is not there is answered like any other missing id, or names the fault."""
    path = f"{API}/conversations/{_c(world, 'kettle')}/merge"
    got = await client.post(path, as_="operator", json={"into": into})
    assert got.status == (404 if into.startswith("conv_") else 422)


async def test_merge_across_tenants(client: Client, world: World) -> None:
    """Conversations of two tenants are never merged, not even by who may see both."""
    path, body = f"{API}/conversations/{_c(world, 'kettle')}/merge", {"into": _c(world, "secret")}
    assert (await client.post(path, as_="operator", json=body)).status == 404
    got = await client.post(path, as_="admin", json=body)
    assert (got.status, got.json["detail"]) == (
        409, "Conversations of different tenants are never merged.",
    )  # fmt: skip


async def test_dead_delivery_is_replayed(client: Client, world: World) -> None:
    """A dead delivery goes out again; replaying it twice says why not."""
    path = f"{API}/deliveries/{show('dlv', world.ids['kettle_dead'])}/replay"
    got = await client.post(path, as_="operator")
    assert (got.status, got.json["state"], got.json["attempts"]) == (200, "queued", 0)
    again = await client.post(path, as_="operator")
    assert again.status == 409
    assert "is queued; only dead and unknown deliveries can be" in again.json["detail"]


async def test_unknown_delivery_is_discarded(client: Client, world: World) -> None:
    """An unknown delivery can be given up."""
    path = f"{API}/deliveries/{show('dlv', world.ids['kettle_unknown'])}/discard"
    got = await client.post(path, as_="operator")
    assert (got.status, got.json["state"]) == (200, "cancelled")


@pytest.mark.parametrize(
    ("body", "outcome"), [(None, "replayed"), ({}, "replayed"), ({"release": True}, "released")]
)
async def test_quarantined_arrival_is_replayed(
    client: Client, world: World, body: dict[str, bool] | None, outcome: str
) -> None:
    """A quarantined arrival waits again; whether it is released is decided and told."""
    path = f"{API}/quarantine/{show('arr', world.ids['arrival_poison'])}/replay"
    got = await client.post(path, as_="operator", json=body) if body is not None else None
    got = got or await client.post(path, as_="operator")
    assert (got.status, got.json["state"]) == (202, "waiting")
    assert [outcome] == [one.outcome for one in world.committed[-1].decisions]
    assert 1 == len(world.accepted)
    assert (await client.post(path, as_="operator")).status == 409


async def test_queued_delivery_is_discarded(client: Client, world: World) -> None:
    """What waits can be given up as well; what has left cannot."""
    path = f"{API}/deliveries/{show('dlv', world.ids['kettle_dead'])}"
    await client.post(f"{path}/replay", as_="operator")
    got = await client.post(f"{path}/discard", as_="operator")
    assert (got.status, got.json["state"]) == (200, "cancelled")
    sent = show("dlv", world.ids["kettle_delivered"])
    got = await client.post(f"{API}/deliveries/{sent}/discard", as_="operator")
    assert (409, f"{sent} is delivered; only dead, unknown and queued deliveries can be discarded.") == (
        got.status, got.json["detail"],
    )  # fmt: skip


async def test_quarantined_arrival_is_discarded(client: Client, world: World) -> None:
    """A discarded arrival leaves the list and stays readable by its id."""
    arrival = show("arr", world.ids["arrival_poison"])
    got = await client.post(f"{API}/quarantine/{arrival}/discard", as_="operator")
    assert (got.status, got.json["state"]) == (200, "discarded")
    listed = (await client.get(f"{API}/quarantine", as_="reader")).json["items"]
    assert arrival not in {one["id"] for one in listed}
    shown = await client.get(f"{API}/quarantine/{arrival}", as_="reader")
    assert (shown.status, shown.json["state"]) == (200, "discarded")


async def test_large_attachment_passes(client: Client, world: World) -> None:
    """An attachment of two megabytes goes through whole."""
    data = bytes(range(256)) * 8192
    upload = {"name": "big.bin", "content": base64.b64encode(data).decode()}
    body = json.dumps({"text": "See there", "attachments": [upload]}).encode()
    got = await client.post(
        f"{API}/conversations/{_c(world, 'kettle')}/replies",
        as_="agent",
        data=io.BytesIO(body),
        headers={"Content-Type": "application/json"},
    )
    _, said = await _stored(world, got)
    assert data == said.attachments[0].data


async def _reply(
    client: Client,
    world: World,
    key: str,
    body: dict[str, Any],
    *,
    as_: str = "agent",
    where: str = "kettle",
) -> Got:
    return await client.post(
        f"{API}/conversations/{_c(world, where)}/replies",
        as_=as_,
        json=body,
        headers={"Idempotency-Key": key},
    )


async def _work_on(world: World, got: Got) -> None:
    """Do what the pipeline does with a reply: a message that holds the arrival's keys."""
    stored, said = await _stored(world, got)
    arrival = stored.arrival
    view = await world.store.conversation(None, said.conversation)
    seq = view.conversation.last_seq + 1
    message = Message(
        id=world.new_id(), tenant=arrival.tenant, conversation=said.conversation, seq=seq,
        direction="out", author=Author(kind="agent", name=said.author), text=said.text,
        received_at=arrival.received_at, recorded_at=arrival.received_at, arrivals=(arrival.id,),
    )  # fmt: skip
    await world.commit(
        messages=(message,),
        arrivals_done=(arrival.id,),
        conversations=(
            msgspec.structs.replace(
                view.conversation, last_seq=seq, version=view.conversation.version + 1
            ),
        ),
        claims=tuple(
            Claim(key=key, message=message.id, arrival=arrival.id)
            for key in (exact_key(arrival, 0), loose_key(arrival, 0))
        ),
    )


async def test_a_person_is_erased(client: Client, world: World) -> None:
    """First it is said what would go; then it is gone, and another tenant's people never were."""
    wanted = {"person": "email:kettle@example.org", "dry_run": True}
    looked = await client.post(f"{API}/erasures", as_="admin", json=wanted)
    assert 200 == looked.status, looked.json
    assert (1, 2, 2) == (
        looked.json["conversations"], looked.json["messages"], looked.json["attachments"],
    )  # fmt: skip
    assert "ticket" in looked.json["remains"][0]["what"]
    stored = await world.store.messages(None, world.ids["kettle"], after_seq=0, limit=9)
    assert {""} == {one.gone for one in stored}
    done = await client.post(f"{API}/erasures", as_="admin", json={**wanted, "dry_run": False})
    assert (200, looked.json["contacts"]) == (done.status, done.json["contacts"])
    got = await client.get(f"{API}/conversations/{_c(world, 'kettle')}/messages", as_="admin")
    assert {("", "erasure")} == {(one["text"], one["gone"]) for one in got.json["items"]}
    assert 404 == (await client.post(f"{API}/erasures", as_="admin", json=wanted)).status
    got = await client.post(f"{API}/erasures", as_="foreign", json={"person": TOASTER})
    assert 404 == got.status
    got = await client.post(f"{API}/erasures", as_="admin", json={"person": "nobody"})
    assert (409, True) == (got.status, "names nobody" in got.json["detail"])
