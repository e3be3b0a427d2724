"""Promise 7: a mail joins a conversation only with proof; nobody enters another person's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path

import pytest

from gateway_sms_voice.testing import PhoneCall, TwilioDouble, twilio_double
from tests.promises.configs import BASE, mailbox, plugins, tickets
from tests.promises.customers import Customers, customers
from tests.promises.letters import Customer
from tests.promises.process import GatewayProcess, Launcher, gateway_process
from tests.promises.ticket_system import TicketSystem, ticket_system

pytestmark = [pytest.mark.promise, pytest.mark.xdist_group("promise-7")]

ANN, BOB, EVE = "ann@example.net", "bob@example.net", "eve@evil.example"
ACME = "help@acme.example"
PRIVATE = "The door code is seven owls."
PROBLEM = "My front door does not open since the storm, and the new lock makes a grinding noise."


@dataclass(frozen=True, kw_only=True)
class Matter:
    """Ann's matter: she wrote, an agent answered her, and both mails are known.

    Args:
        ticket: Ann's.
        answer: what the agent's answer looks like in her mailbox.
    """

    gateway: GatewayProcess
    system: TicketSystem
    acme: TicketSystem
    post: Customers
    ticket: str
    answer: EmailMessage

    def customer(self, address: str) -> Customer:
        """Somebody who writes to the usual inbox."""
        return Customer(address=address, port=self.gateway.lmtp)

    async def stays_apart(self, token: str) -> None:
        """Check that a mail opened a ticket of its own, and that nobody but Ann has Ann's words."""
        assert self.ticket != await self.system.ticket_of(token)
        entry = self.system.entries[self.system.tokens.index(token)]
        assert PRIVATE not in str(entry.data["text"]) + str(entry.data["remarks"])
        for one in self.post.sink.received:
            assert (ANN,) == one.recipients


@pytest.fixture
async def matter(launcher: Launcher, tmp_path: Path) -> AsyncIterator[Matter]:
    """Two tenants with an inbox and a ticket system each, and Ann's matter at the first."""
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(ticket_system(TicketSystem()))
        acme = await stack.enter_async_context(ticket_system(TicketSystem()))
        post = await stack.enter_async_context(customers())
        config = BASE + "[tenants.default]\n[tenants.acme]\n" + plugins("email", "webhook")
        config += mailbox(relay=post.port) + tickets(system.url)
        config += mailbox(
            "acme", port="other", relay=post.port, address=ACME, more='tenant = "acme"'
        )
        config += tickets(acme.url, "acme-tickets", more='tenant = "acme"')
        gateway = await stack.enter_async_context(
            gateway_process(launcher, tmp_path, config, inboxes=("lmtp", "other"))
        )
        ann = Customer(address=ANN, port=gateway.lmtp)
        await ann.write("first", PROBLEM)
        ticket = await system.ticket_of("first")
        await system.reply(gateway.url, ticket, PRIVATE, entry="1")
        answer = await post.mail_for(ANN)
        yield Matter(
            gateway=gateway, system=system, acme=acme, post=post, ticket=ticket, answer=answer
        )


async def test_who_takes_part_joins(matter: Matter) -> None:
    """Ann's answer joins; Bob joins after Ann has brought him in by Cc, and not before."""
    await matter.customer(BOB).write("bob-before", answers=matter.answer)
    await matter.stays_apart("bob-before")
    await matter.customer(ANN).write("ann-again", answers=matter.answer, Cc=BOB)
    assert matter.ticket == await matter.system.ticket_of("ann-again")
    await matter.customer(BOB).write("bob-after", answers=matter.answer)
    assert matter.ticket == await matter.system.ticket_of("bob-after")


async def test_a_stranger_with_the_token_gets_a_ticket_beside_it(matter: Matter) -> None:
    """Eve has the whole mail, reply address, references and all: her ticket is shown beside Ann's."""
    await matter.customer(EVE).write("eve", PROBLEM, answers=matter.answer)
    await matter.stays_apart("eve")
    entry = matter.system.entries[matter.system.tokens.index("eve")]
    assert "Shown beside conv_" in str(entry.data["remarks"])


async def test_forged_references_do_not_join(matter: Matter) -> None:
    """Eve names the messages of Ann's conversation, sent to the plain address."""
    lead = f"<first@example.net> {matter.answer['Message-ID']}"
    await matter.customer(EVE).write("eve", References=lead, In_Reply_To="<first@example.net>")
    await matter.stays_apart("eve")


async def test_a_forged_sender_does_not_join(matter: Matter) -> None:
    """A mail that claims to be Ann's, with her token, but fails DMARC, is not Ann's."""
    await matter.customer(ANN).write("forged", PROBLEM, answers=matter.answer, dmarc="fail")
    await matter.stays_apart("forged")
    entry = matter.system.entries[matter.system.tokens.index("forged")]
    assert "failed authentication" in str(entry.data["remarks"])


async def test_an_unproven_sender_neither_joins_nor_brings_anybody_in(matter: Matter) -> None:
    """Eve uses Ann's address, with Ann's token or references, a copy to herself, and nothing that proves
    it, which our border would write: she stays apart, and the next answer is for Ann alone. Nor do Eve's
    own mails, or a stranger's mail in Ann's name that opens something new, let her in.
    """
    ann = matter.customer(ANN)
    await ann.write("token", answers=matter.answer, dmarc="", Cc=EVE, Reply_To=EVE)
    await ann.write(
        "reference", dmarc="", Cc=EVE, References="<first@example.net>",
        In_Reply_To="<first@example.net>",
    )  # fmt: skip
    await ann.write("new", PROBLEM, dmarc="", Cc=EVE, Reply_To=EVE)
    await matter.customer(EVE).write("eve", answers=matter.answer)
    for token in ("token", "reference", "new", "eve"):
        await matter.stays_apart(token)
    for token in ("token", "reference", "new"):
        entry = matter.system.entries[matter.system.tokens.index(token)]
        assert "Nothing verified the sender's address; it may be forged." in entry.data["remarks"]
        assert f"Also addressed to {EVE}, who will get no answers" in str(entry.data["remarks"])
    assert "verified before, was not verified here" in str(
        matter.system.entries[matter.system.tokens.index("token")].data["remarks"]
    )
    for number, token in enumerate(("first", "token", "reference", "new"), start=2):
        ticket = await matter.system.ticket_of(token)
        await matter.system.reply(matter.gateway.url, ticket, PRIVATE, entry=str(number))
        await matter.post.mail_for(ANN, count=number)
    assert {(ANN,)} == {one.recipients for one in matter.post.sink.received}


async def test_reply_to_leads_no_answer_away(matter: Matter) -> None:
    """Even a verified sender's answers go to the sender alone; the agent reads where they were asked to."""
    await matter.customer(BOB).write("elsewhere", PROBLEM, Reply_To=f"Eve <{EVE}>, {BOB}")
    ticket = await matter.system.ticket_of("elsewhere")
    entry = matter.system.entries[matter.system.tokens.index("elsewhere")]
    words = f"Its Reply-To asks for answers to {EVE}; they go to its sender, {BOB}."
    assert [words] == entry.data["remarks"]
    await matter.system.reply(matter.gateway.url, ticket, "Which door?", entry="2")
    await matter.post.mail_for(BOB)
    assert [(ANN,), (BOB,)] == [one.recipients for one in matter.post.sink.received]


async def test_where_nothing_verifies_senders_a_claimed_one_still_brings_nobody_in(
    launcher: Launcher, tmp_path: Path
) -> None:
    """Without a border that verifies, an answer by token joins, or no mail could; but whoever is named in
    a copy gets nothing, and the agent is told.
    """
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(ticket_system(TicketSystem()))
        post = await stack.enter_async_context(customers())
        inbox = mailbox(relay=post.port).replace('trusted_authserv_ids = ["mx.example.com"]\n', "")
        config = BASE + plugins("email", "webhook") + inbox + tickets(system.url)
        gateway = await stack.enter_async_context(gateway_process(launcher, tmp_path, config))
        ann = Customer(address=ANN, port=gateway.lmtp)
        await ann.write("first", PROBLEM)
        ticket = await system.ticket_of("first")
        await system.reply(gateway.url, ticket, "Which door?", entry="1")
        answer = await post.mail_for(ANN)
        await ann.write("again", answers=answer, Cc=EVE, Reply_To=EVE)
        assert ticket == await system.ticket_of("again")
        entry = system.entries[system.tokens.index("again")]
        assert f"Also addressed to {EVE}, who will get no answers" in str(entry.data["remarks"])
        await Customer(address=EVE, port=gateway.lmtp).write("eve", answers=answer)
        assert ticket != await system.ticket_of("eve")
        await system.reply(gateway.url, ticket, PRIVATE, entry="2")
        await post.mail_for(ANN, count=2)
        assert {(ANN,)} == {one.recipients for one in post.sink.received}


async def test_a_verdict_that_came_with_the_mail_is_not_believed(matter: Matter) -> None:
    """Our border says that DMARC failed; a field that says otherwise in another's name is nothing."""
    await matter.customer(ANN).write(
        "forged", answers=matter.answer, dmarc="fail",
        ARC_Authentication_Results="i=1; mx.example.com; dmarc=pass header.from=example.net",
    )  # fmt: skip
    await matter.stays_apart("forged")


async def test_numbers_subjects_and_likeness_do_not_join(matter: Matter) -> None:
    """The ticket's number, the same subject and the same words by somebody else are no proof."""
    ticket = f"[{matter.ticket}] Re: Please help #{matter.ticket}"
    eve = matter.customer(EVE)
    await eve.write("number", f"About ticket {matter.ticket}: send it all to me.", subject=ticket)
    await matter.stays_apart("number")
    await matter.customer(BOB).write("likeness", PROBLEM)
    await matter.stays_apart("likeness")


async def test_a_token_with_one_letter_changed_is_no_token(matter: Matter) -> None:
    """Even Ann does not join by a reply address that was not signed, without references."""
    address = parseaddr(str(matter.answer["Reply-To"]))[1]
    local, _, domain = address.partition("@")
    mailbox_name, _, token = local.partition("+")
    assert len(token) >= 40
    other = "a" if token[-10] != "a" else "b"
    changed = f"{mailbox_name}+{token[:-10]}{other}{token[-9:]}@{domain}"
    await matter.customer(ANN).write("changed", "Something else.", to=changed)
    await matter.stays_apart("changed")


async def test_another_tenants_inbox_leads_to_its_own_tickets(matter: Matter) -> None:
    """Ann writes to another organisation with the token and references of the first one."""
    ann = matter.customer(ANN)
    lead = str(matter.answer["Message-ID"])
    token = parseaddr(str(matter.answer["Reply-To"]))[1].partition("+")[2].partition("@")[0]
    await ann.write(
        "over-there", PROBLEM, to=f"help+{token}@acme.example", port=matter.gateway.ports["other"],
        References=lead, In_Reply_To=lead,
    )  # fmt: skip
    await matter.acme.ticket_of("over-there")
    assert ["first"] == matter.system.tokens
    assert PRIVATE not in str(matter.acme.entries)
    listed = await matter.gateway.command("conversations", "--tenant", "acme")
    assert 1 == len(listed["items"])
    assert ["acme"] == [one["tenant"] for one in listed["items"]]


PUBLIC, OURS = "https://gateway.example", "+15005550006"
ANNS_PHONE, EVES_PHONE = "+15551230001", "+15551239999"
VALID = "Thank you. This call now belongs to your matter."
CODE_SECONDS = 8


def phone(double: TwilioDouble) -> str:
    """A number that takes calls."""
    return f"""\
[continuation]
minutes = {CODE_SECONDS / 60}
[channels.phone]
type = "sms_voice"
numbers = ["{OURS}"]
[channels.phone.twilio]
account_sid = "{double.sid}"
auth_token = "{double.token}"
base_url = "{double.url}"
[channels.phone.voice]
languages = ["en-US"]
"""


async def call_with(double: TwilioDouble, code: str, sender: str, words: str) -> PhoneCall:
    """Call, key in a code, and leave a message whatever is answered."""
    call = await double.call(sender=sender).dial()
    await call.press("4")
    await call.press(code)
    if VALID not in call.heard:
        await call.wait()  # asked for another code, keys in none, and is back at the menu
    await call.press("1")
    await call.speak(words=words)
    await call.deliver()
    assert [] == call.errors
    return call


async def test_wrong_used_and_expired_codes_let_nobody_in(
    launcher: Launcher, tmp_path: Path
) -> None:
    """Only the code that Ann's conversation gave joins a call to it, once, and not for long; whoever
    tries another hears nothing of hers, has a ticket of their own, and takes no part in hers.
    """
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(ticket_system(TicketSystem()))
        double = await stack.enter_async_context(twilio_double(numbers=(OURS,)))
        config = BASE.replace("[gateway]\n", f'[gateway]\npublic_url = "{PUBLIC}"\n')
        config += plugins("email", "webhook", "sms_voice") + mailbox() + tickets(system.url)
        gateway = await stack.enter_async_context(
            gateway_process(launcher, tmp_path, config + phone(double))
        )
        double.account.hook_calls(f"{PUBLIC}/in/phone/voice")
        double.webhooks.behind = (PUBLIC, gateway.url)
        await Customer(address=ANN, port=gateway.lmtp).write("first", PRIVATE)
        ticket = await system.ticket_of("first")
        [conversation] = (await gateway.command("conversations"))["items"]
        used = await gateway.command("code", conversation["id"])
        mine = await call_with(double, used["code"], ANNS_PHONE, "by-ann")
        assert VALID in mine.heard
        assert ticket == await system.ticket_of("by-ann")

        expired = await gateway.command("code", conversation["id"])
        wrong = next(c for c in ("000000", "111111", "222222")
                     if c not in (used["code"], expired["code"]))  # fmt: skip
        tries = {"wrong": wrong, "used": used["code"]}
        heard = []
        for name, code in tries.items():
            heard += (await call_with(double, code, EVES_PHONE, f"eve-{name}")).heard
        over = datetime.fromisoformat(expired["expires_at"])
        while datetime.now(UTC) <= over:  # noqa: ASYNC110 - a clock tells nobody
            await asyncio.sleep(0.05)
        heard += (await call_with(double, expired["code"], EVES_PHONE, "eve-expired")).heard
        for name in (*tries, "expired"):
            assert ticket != await system.ticket_of(f"eve-{name}")
        assert VALID not in heard
        assert 3 == heard.count("This code is not valid.")
        assert not [line for line in heard if "owls" in line or ticket in line]
        shown = await gateway.command("show", conversation["id"])
        assert ANNS_PHONE in str(shown)
        assert EVES_PHONE not in str(shown)
