"""Customers and agents: what they say, to whom, and in which order."""

from __future__ import annotations

import asyncio
import string
from typing import TYPE_CHECKING

import msgspec

from gateway.domain.arrival import NewArrival
from gateway.domain.draft import AgentReply, Draft, DraftParticipant, ThreadRef, TicketChange
from gateway.domain.message import Address, Trust
from gateway.domain.outgoing import Forward, Reply
from tests.simulation.connectors import ENDLESS, NONSENSE
from tests.simulation.oracle import Said
from tests.simulation.outside import Desk, encode
from tests.simulation.process import Gone

if TYPE_CHECKING:
    from tests.simulation.world import World

NAMES = ("alice", "bob", "carol", "dave", "erin")
ROUTES = {"mail": ("ideal", "search"), "chat": ("ideal", "search"), "sms": ("blunt",)}
AGAIN = (0.0, 1.0, 60.0, 300.0, 1800.0)


class Crowd:
    """Everybody who writes into the world."""

    def __init__(self, world: World) -> None:
        self._world, self._dice, self._plan = world, world.dice, world.plan
        self.names = NAMES[: world.plan.people]
        self._numbers = {"m": 0, "r": 0}
        self._texts: dict[str, list[str]] = {}
        self._mails: dict[str, list[str]] = {}
        self._rooms: list[str] = []

    async def write(self, name: str) -> None:
        """Let a customer write now and then, each time once the last message is through."""
        world, plan = self._world, self._plan
        for _ in range(plan.messages):
            hurry = self._dice.random() < 0.5
            mean = 20.0 if hurry else 2 * plan.busy / plan.messages
            await asyncio.sleep(self._dice.expovariate(1 / mean))
            if world.loop.time() > plan.busy:
                return
            say = self._dice.choice((self._mail, self._mail, self._chat, self._sms))
            await say(name)

    def _marker(self, kind: str) -> str:
        self._numbers[kind] += 1
        return f"{kind}{self._numbers[kind]}"

    def _text(self, name: str, marker: str) -> str:
        """Words that nobody said before; now and then what the same person said before."""
        said = self._texts.setdefault(name, [])
        if said and self._dice.random() < 0.1:
            words = self._dice.choice(said)
        else:
            words = " ".join(
                "".join(self._dice.choices(string.ascii_lowercase, k=9)) for _ in range(6)
            )
            said.append(words)
        return f"{words} [{marker}]"

    async def _mail(self, name: str) -> None:
        """Write a mail: a new one, an answer, with a copy, with what was forwarded, or forged."""
        dice, marker = self._dice, self._marker("m")
        mine = self._mails.setdefault(name, [])
        got = [reply for reply in self._world.providers["mail"].inbox if _to(reply, name)]
        others = [reply for reply in self._world.providers["mail"].inbox if not _to(reply, name)]
        draft = Draft(
            author=_address(name), proof="asserted", subject=f"about {marker}", language="en",
            text=self._text(name, marker), external_ids=(f"<{marker}@example.net>",),
            same_as=(f"<{marker}@example.net>",), thread=ThreadRef(native_id=f"<{marker}@example.net>"),
        )  # fmt: skip
        brings: set[str] = set()
        way = dice.random()
        if way < 0.35 and got:
            draft = _answer(draft, dice.choice(got))
        elif way < 0.55 and mine:
            draft = _refer(draft, dice.choice(mine))
        elif way < 0.65 and others:  # somebody forwarded it: token and references are the other's
            draft = _answer(draft, dice.choice(others))
        elif way < 0.72 and (strangers := [one for one in self.names if one != name]):
            victim = dice.choice(strangers)
            theirs = self._mails.get(victim, [])
            trust = Trust(dmarc="fail") if way < 0.68 else Trust(unverified=True)
            draft = msgspec.structs.replace(
                draft, author=_address(victim), proof="claimed", trust=trust,
                participants=(DraftParticipant(address=_address(name)),),
            )  # fmt: skip
            brings.add(victim)  # an answer to a forged mail goes to whom it names, to nobody else
            draft = _refer(draft, dice.choice(theirs)) if theirs else draft
        elif way < 0.82:
            friend = dice.choice(self.names)
            draft = msgspec.structs.replace(
                draft, participants=(DraftParticipant(address=_address(friend)),)
            )
            brings.add(friend)
        if not brings:
            mine.append(f"<{marker}@example.net>")
        places = [f"mail/{marker}"]
        arrival, poison = self._arrival(marker, f"mail {name}", draft)
        twice = dice.random() < self._plan.redelivered / 2
        if twice:
            places.append(f"mail/{marker}.copy")
        self._world.oracle.truth[marker] = Said(
            marker=marker, person=name, places=tuple(places), lane=f"mail {name}",
            brings=frozenset(brings), poison=poison, routed=ROUTES["mail"],
        )  # fmt: skip
        self._put(arrival)
        if twice and not poison:
            self._put(msgspec.structs.replace(arrival, key=f"{marker}.copy"))

    def _put(self, arrival: NewArrival) -> None:
        self._world.providers["mail"].unseen[arrival.key] = arrival
        self._world.mail_waits.set()

    async def _chat(self, name: str) -> None:
        """Write in a room of one's own, or in one that the platform lets one into."""
        marker = self._marker("m")
        if self._rooms and self._dice.random() < 0.5:
            room = self._dice.choice(self._rooms)
        else:
            room = f"room-{marker}"
            self._rooms.append(room)
        draft = Draft(
            author=Address(scheme="chat", value=name), proof="asserted", language="en",
            text=self._text(name, marker), external_ids=(f"chat-{marker}",),
            thread=ThreadRef(native_id=room, admits_sender=True),
        )  # fmt: skip
        await self._push("chat", name, marker, draft, thread=room)

    async def _sms(self, name: str) -> None:
        """Write from the telephone; the carrier vouches for the number."""
        marker = self._marker("m")
        draft = Draft(
            author=Address(scheme="tel", value=name), proof="asserted", language="en",
            text=self._text(name, marker), external_ids=(f"sms-{marker}",),
            thread=ThreadRef(native_id=name, admits_sender=True),
        )  # fmt: skip
        await self._push("sms", name, marker, draft, thread=f"number {name}")

    async def _push(
        self, channel: str, name: str, marker: str, draft: Draft, *, thread: str
    ) -> None:
        arrival, poison = self._arrival(marker, thread, draft)
        self._world.oracle.truth[marker] = Said(
            marker=marker, person=name, places=(f"{channel}/{marker}",), lane=thread,
            thread=thread, poison=poison, routed=ROUTES[channel],
        )  # fmt: skip
        self._world.providers[channel].history.append(arrival)
        await self._hand_in(channel, arrival)

    async def send(self, channel: str, marker: str, lane: str, draft: Draft) -> None:
        """Hand in a message of somebody else's, until it is acknowledged."""
        await self._hand_in(channel, self._arrival(marker, lane, draft)[0])

    def _arrival(self, marker: str, lane: str, draft: Draft) -> tuple[NewArrival, bool]:
        body, poison = encode(draft), self._dice.random() < self._plan.poison
        if poison:
            kind = self._dice.choice(("nonsense", "endless", "hook"))
            if kind == "hook":
                body = encode(msgspec.structs.replace(draft, text=f"POISON {draft.text}"))
            else:
                body = NONSENSE if kind == "nonsense" else ENDLESS
        if poison:
            self._world.oracle.poisoned.add(lane)
        return NewArrival(key=marker, lane=lane, body=body), poison

    async def _hand_in(self, door: str, arrival: NewArrival) -> None:
        """Send a webhook until it is acknowledged, as providers do; now and then twice."""
        if self._dice.random() < self._plan.redelivered:
            self._world.spawn(self._hand_in_once(door, arrival))
        for pause in AGAIN:
            await asyncio.sleep(pause + self._dice.uniform(0.01, 0.2))
            if await self._hand_in_once(door, arrival):
                return

    async def _hand_in_once(self, door: str, arrival: NewArrival) -> bool:
        process = self._world.ready()
        if process is None:
            return False
        try:
            async with asyncio.timeout(10):
                answer = await process.request(door, msgspec.json.encode(arrival))
        except (Gone, TimeoutError):
            return False
        if answer.status != 200:
            return False
        self._world.oracle.acknowledged(door, arrival.key)
        return self._dice.random() >= self._plan.forgotten

    # agents

    def on_entry(self, desk: Desk, ticket: str, forward: Forward) -> None:
        """Let an agent see what a customer said."""
        if forward.author_kind == "customer" and self._dice.random() < self._plan.answers:
            self._world.spawn(self._work(desk, ticket))

    async def _work(self, desk: Desk, ticket: str) -> None:
        await asyncio.sleep(min(self._dice.lognormvariate(7, 1.5), 20 * 3600))
        if self._world.loop.time() > self._plan.busy:
            return
        way = self._dice.random()
        marker = self._marker("r")
        if way < 0.8:
            said: AgentReply | TicketChange = AgentReply(
                ticket=ticket, entry=marker, author="agent", text=f"an answer [{marker}]",
                audience="internal" if way < 0.1 else "customer",
            )  # fmt: skip
            self._world.oracle.truth[marker] = Said(
                marker=marker, person="agent", places=(f"{desk.name}/{marker}",),
                lane=f"{desk.name} {ticket}", routed=() if way < 0.1 else ("customer",),
            )  # fmt: skip
        else:
            state = self._dice.choice(("resolved", "open", "closed"))
            desk.tickets[ticket].closed |= state == "closed"
            said = TicketChange(ticket=ticket, state=state)  # type: ignore[arg-type]
        arrival = desk.say(marker, ticket, said)
        if self._dice.random() < 0.7:  # else the webhook got lost, and the poll has to find it
            await self._hand_in(desk.name, arrival)


def _address(name: str) -> Address:
    return Address(scheme="email", value=f"{name}@example.net")


def _to(reply: Reply, name: str) -> bool:
    return any(one.address.value == f"{name}@example.net" for one in reply.recipients)


def _answer(draft: Draft, reply: Reply) -> Draft:
    """Answer something that the gateway sent: its token and its references come back."""
    return msgspec.structs.replace(
        draft, tokens=(reply.token,), references=(f"mail-{reply.key}", *reply.references)
    )


def _refer(draft: Draft, native: str) -> Draft:
    return msgspec.structs.replace(draft, references=(native,))
