"""The Request Tracker backend against a real one: what it needs, and what it says without it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import (
    Address,
    AuthenticationFailed,
    Forward,
    Person,
    Rejected,
    Secret,
    Suspended,
    TicketRef,
    Unreachable,
)
from gateway.testing import Surroundings
from gateway_rt.backend import RtBackend
from gateway_rt.settings import RtSettings
from tests.servers.ports import HOST, free_port
from tests.servers.rt import RequestTracker


def backend(rt: RequestTracker, **changed: Any) -> RtBackend:
    """A backend with some settings of its own."""
    wanted = {"url": rt.url, "token": Secret(rt.token), "queue": rt.queue, **changed}
    return RtBackend(Surroundings().context(RtSettings(**wanted)))


def forward(domain: str, key: str = "first", **more: Any) -> Forward:
    """A customer's message."""
    ann = Address(scheme="email", value=f"ann@{domain}", name="Ann")
    return Forward(
        key=f"{key}@{domain}", tenant="default", conversation="conv_1", message="msg_1",
        channel="support", author=ann, requester=Person(address=ann), subject="It burns",
        text="Help!", **more,
    )  # fmt: skip


async def test_ticket_and_entries_are_found_by_their_keys(
    rt: RequestTracker, mail_domain: str
) -> None:
    """What was written is found by its key, before and after a merge, and nothing else is."""
    ours = backend(rt)
    first, second = forward(mail_domain), forward(mail_domain, "second")
    assert None is await ours.find(first)
    ticket = await ours.open_ticket(first)
    assert ticket == await ours.find(first)
    assert ticket.url == f"{rt.url}/Ticket/Display.html?id={ticket.external_id}"
    assert None is await ours.find_entry(ticket, second)
    entry = await ours.add_entry(ticket, second)
    assert entry == await ours.find_entry(ticket, second)

    other = await ours.open_ticket(forward(mail_domain, "other"))
    await rt.call("PUT", f"ticket/{ticket.external_id}", json={"MergeInto": other.external_id})
    assert ticket == await ours.find(first)
    third = forward(mail_domain, "third")
    entry = await ours.add_entry(ticket, third)
    assert entry == await ours.find_entry(ticket, third)


async def test_notes_are_comments(rt: RequestTracker, mail_domain: str) -> None:
    """What the customer does not see, and what was said before, is a comment."""
    ours = backend(rt)
    ticket = await ours.open_ticket(forward(mail_domain))
    number = ticket.external_id
    await ours.add_entry(ticket, forward(mail_domain, "note", audience="internal"))
    await ours.add_entry(ticket, forward(mail_domain, "again", repeat=True))
    assert [] == await rt.entries(number)
    assert ["Help!"] * 2 == await rt.entries(number, "Comment")


@pytest.mark.parametrize("status", ["rejected", "deleted"])
async def test_closed_for_good(rt: RequestTracker, mail_domain: str, status: str) -> None:
    """A ticket that is closed for good takes nothing more, though RT itself would."""
    ours = backend(rt)
    ticket = await ours.open_ticket(forward(mail_domain))
    await rt.call("PUT", f"ticket/{ticket.external_id}", json={"Status": status})
    with pytest.raises(Rejected) as raised:
        await ours.add_entry(ticket, forward(mail_domain, "second"))
    assert "ticket_closed" == raised.value.reason_code
    with pytest.raises(Rejected) as raised:
        await ours.add_entry(TicketRef(external_id="99999999"), forward(mail_domain, "third"))
    assert "ticket_closed" == raised.value.reason_code


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"ticket_field": "no_such"}, "no_ticket_field"),
        ({"entry_field": "no_such"}, "no_entry_field"),
    ],
)
async def test_missing_field(
    rt: RequestTracker, mail_domain: str, changed: dict[str, str], code: str
) -> None:
    """Without its custom fields nothing is written, and both probe and error say what to do."""
    ours = backend(rt, **changed)
    health = await ours.probe()
    assert ("down", code) == (health.state, health.code)
    with pytest.raises(Suspended, match=r"in RT create it .* and apply it to all queues"):
        await ours.open_ticket(forward(mail_domain))
    assert [] == await rt.tickets(f"Requestor.EmailAddress = 'ann@{mail_domain}'")


async def test_what_is_wrong_is_told_apart(rt: RequestTracker, mail_domain: str) -> None:
    """A bad token, an unknown queue and a server that is away are told apart; no token is told."""
    assert (await backend(rt).probe()).well
    health = await backend(rt, token=Secret("1-1-bad")).probe()
    assert "authentication_failed" == health.code
    assert "1-1-bad" not in health.reason
    with pytest.raises(AuthenticationFailed):
        await backend(rt, token=Secret("1-1-bad")).open_ticket(forward(mail_domain))
    with pytest.raises(Rejected):
        await backend(rt, queue="No such queue").open_ticket(forward(mail_domain))
    with pytest.raises(Unreachable):
        await backend(rt, url=f"http://{HOST}:{free_port()}").open_ticket(forward(mail_domain))
