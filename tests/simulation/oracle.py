"""What must hold, judged by what is seen from outside; it knows nothing of the core's code."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from gateway.domain.outgoing import Forward, Reply

MARKER = re.compile(r"\[([mr]\d+)\]")
SETTLED = 7200.0  # a target that was well for so long is tried at once
SOON = 20.0


class Broken(AssertionError):
    """A promise is broken."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """The truth about something that was said.

    Args:
        person: who really said it.
        places: source and key of each arrival it may come as.
        lane: what stays in order with it; for an agent's words, the ticket.
        thread: a native thread whose platform decides who may write in it, if it is in one.
        brings: who is let in by it.
        poison: it cannot be worked on.
        routed: backends it has to reach.
    """

    marker: str
    person: str
    places: tuple[str, ...]
    lane: str
    thread: str = ""
    brings: frozenset[str] = frozenset()
    poison: bool = False
    routed: tuple[str, ...] = ()


@dataclass
class Oracle:
    """Judges every effect at the moment it happens.

    Args:
        now: virtual seconds.
        arrived: when each arrival was committed, by source and key, in the order of the commits.
        late: keys of arrivals that are worked on out of turn.
        repeats: what each target lets happen to a send whose outcome is unknown.
        calm: whether nothing was sick that an effect at a target depends on, between two moments.
        fail: told of what is broken.
    """

    now: Callable[[], float]
    arrived: Mapping[str, float]
    late: Collection[str]
    repeats: Mapping[str, str]
    calm: Callable[[str, float, float], bool]
    fail: Callable[[str, str], None]
    trace: Callable[[str, str], None]
    truth: dict[str, Said] = field(default_factory=dict)
    acked: dict[str, float] = field(default_factory=dict)
    effects: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    first: dict[tuple[str, str], float] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)
    poisoned: set[str] = field(default_factory=set)
    _groups: dict[str, str] = field(default_factory=dict)
    _people: dict[str, set[str]] = field(default_factory=dict)
    _threads: dict[str, str] = field(default_factory=dict)
    _opened: set[str] = field(default_factory=set)
    _newest: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _troubles: set[tuple[str, str]] = field(default_factory=set)
    _homes: dict[str, str] = field(default_factory=dict)
    latencies: list[tuple[str, float, float]] = field(default_factory=list)

    def acknowledged(self, source: str, key: str) -> None:
        """A sender was told that an arrival is safe."""
        place = f"{source}/{key}"
        if place not in self.arrived:
            self.fail("durable", f"{place} was acknowledged before it was committed")
        self.acked.setdefault(place, self.now())

    def merged(self, one: str, other: str) -> None:
        """Two conversations were one for a while: what is in either may be in the other."""
        a, b = self.group(one), self.group(other)
        if a != b:
            self._groups[a] = b
            self._people.setdefault(b, set()).update(self._people.pop(a, set()))
            self._troubles |= {(target, b) for target, group in self._troubles if group == a}

    def group(self, conversation: str) -> str:
        """What stands for a conversation and all it was ever merged with."""
        while (above := self._groups.get(conversation)) is not None:
            conversation = above
        return conversation

    def trouble(self, target: str, conversation: str) -> None:
        """A request about a conversation did not end well, so that what follows it may wait."""
        self._troubles.add((target, self.group(conversation)))

    def forwarded(self, target: str, ticket: str, forward: Forward) -> None:
        """A ticket was opened or an entry added."""
        said = self._said(forward.text)
        if said is None:
            return
        name = f"backend/{target}"
        self.trace(name, f"{said.marker} in ticket {ticket} of {forward.conversation}")
        again = self._effect(name, forward.key, said, forward.conversation)
        if said.marker.startswith("m"):
            self._admit(said, forward.conversation)
            if not again:
                self._promptly(name, said, forward.conversation)

    def replied(self, target: str, reply: Reply) -> None:
        """A customer got something."""
        said = self._said(reply.text)
        if said is None:
            return
        name = f"channel/{target}"
        self.trace(name, f"{said.marker} of {reply.conversation}")
        self._effect(name, reply.key, said, reply.conversation)
        people = self._people.get(self.group(reply.conversation), set()) | self._readers(reply)
        for one in reply.recipients:
            person = one.address.value.partition("@")[0]
            if person not in people:
                self.fail("privacy", f"{said.marker} of {reply.conversation} reached {person}")

    def _readers(self, reply: Reply) -> set[str]:
        """Whom the platform lets read the thread that is answered, heard of elsewhere or not."""
        native = reply.thread.native_id if reply.thread is not None else ""
        places = (native, f"number {native}")
        return {one.person for one in self.truth.values() if one.thread and one.thread in places}

    def _said(self, text: str) -> Said | None:
        found = MARKER.search(text)
        return self.truth[found[1]] if found else None

    def committed(self, said: Said) -> float | None:
        """When it was first stored."""
        times = [self.arrived[place] for place in said.places if place in self.arrived]
        return min(times) if times else None

    def _effect(self, target: str, key: str, said: Said, conversation: str) -> bool:
        """Judge doubling and order; whether it was there before."""
        if self.committed(said) is None:
            self.fail("durable", f"{said.marker} reached {target}, but was never stored")
        before = self.effects.setdefault((target, said.marker), [])
        self.first.setdefault((target, said.marker), self.now())
        before.append(key)
        if len(before) > 1:
            same = set(before) == {key}
            if not (same and (self.repeats[target] == "tolerable" or key in self.released)):
                self.fail(
                    "doubled", f"{said.marker} reached {target} {len(before)} times: {before}"
                )
            return True
        order = self._place_in_order(said) if said.lane.startswith("mail ") else self._moment(said)
        # What waits when its conversation is merged is not waited for by what is said in the other.
        lane = (target, conversation, said.lane)
        if order < self._newest.get(lane, -1) and said.marker not in self.late:
            self.fail("order", f"{said.marker} overtook what was said before it at {target}")
        self._newest[lane] = max(order, self._newest.get(lane, -1))
        return False

    def _moment(self, said: Said) -> int:
        """The second in which it was stored: webhooks that come at once have no order."""
        return int(self.committed(said) or 0)

    def _place_in_order(self, said: Said) -> int:
        places = list(self.arrived)
        return min(places.index(place) for place in said.places if place in self.arrived)

    def _admit(self, said: Said, conversation: str) -> None:
        """Judge whether who said it may be in the conversation it came to."""
        group = self.group(conversation)
        home = self._homes.setdefault(said.marker, conversation)
        if self.group(home) != group:
            self.fail(
                "privacy", f"{said.marker} is in two conversations, {home} and {conversation}"
            )
        people = self._people.setdefault(group, set())
        if said.thread:
            opened = self.group(self._threads.setdefault(said.thread, conversation))
            admitted = opened == group
        else:
            admitted = False
        opens = conversation not in self._opened  # it may have been merged before anything left
        self._opened.add(conversation)
        if not opens and said.person not in people and not admitted:
            self.fail(
                "privacy",
                f"{said.person} entered {conversation} of {sorted(people)} by {said.marker}",
            )
        people |= {said.person, *said.brings}

    def _promptly(self, target: str, said: Said, conversation: str) -> None:
        """Judge whether anything held it up that has nothing to do with it."""
        stored, now = self.committed(said), self.now()
        if stored is None:
            return
        if (target, self.group(conversation)) in self._troubles or said.lane in self.poisoned:
            return
        if self.calm(target, stored, now):
            self.latencies.append((target, stored, now - stored))
            if now - stored > SOON:
                self.fail(
                    "independence", f"{said.marker} took {now - stored:.0f} s to reach {target}"
                )
