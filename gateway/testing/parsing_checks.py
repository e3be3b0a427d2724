"""What a parser promises: the same answer for the same arrival, anywhere, whatever comes."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

import msgspec

from gateway.contracts.channel import Parser
from gateway.core.readings import read, taken
from gateway.domain.arrival import Arrival
from gateway.domain.draft import Draft, Parsed
from gateway.errors import UnreadableArrival, WrongReading
from gateway.testing.hostile import hostile_bodies
from gateway.testing.purity import watched
from gateway.testing.secrecy import check_secrets

QUICK_SECONDS, TRIES = 0.020, 5
_ANSWER = tuple[Parsed, ...]
TOO_SLOW = (
    "is_quick says yes, but reading it takes more than 20 ms, while nothing else of the gateway "
    "goes on; let is_quick say no, or read less of it"
)


class Reads(Protocol):
    """A channel or backend, as far as it reads arrivals."""

    @property
    def parser(self) -> Parser:
        """Its parser."""
        ...

    def is_quick(self, arrival: Arrival) -> bool:
        """Whether parsing is bounded to 20 ms."""
        ...


def check_parser(
    connector: Reads, arrivals: Sequence[Arrival], settings: msgspec.Struct | None = None
) -> Iterator[str]:
    """Say what is wrong with a connector's parser.

    Args:
        arrivals: samples of what it takes in; each of them has to be readable.
        settings: whose secrets must not show in what is read.
    """
    if not arrivals:
        return
    parser = connector.parser
    try:
        elsewhere: Parser = pickle.loads(pickle.dumps(parser))  # noqa: S301 - our own bytes
    except Exception as error:
        yield f"the parser cannot be sent to a worker process: {type(error).__name__}: {error}"
        return
    for arrival in arrivals:
        yield from _check_sample(connector, parser, elsewhere, arrival)
        if settings is not None:
            with suppress(Exception):  # told of by another check
                read_as = repr(list(parser(arrival)))
                yield from check_secrets(settings, {"what its parser answers": read_as})
    yield from _check_proof(parser, arrivals)
    for arrival in arrivals:
        yield from _check_hostile(connector, parser, arrival)


def _check_sample(
    connector: Reads, parser: Parser, elsewhere: Parser, arrival: Arrival
) -> Iterator[str]:
    where = f"arrival {arrival.key!r}"
    try:
        answer = parser(arrival)
        taken(read(lambda _: answer, arrival))
        first = tuple(answer)
        with watched() as seen:
            second = tuple(parser(arrival))
        third = tuple(elsewhere(arrival))
    except WrongReading as error:
        yield f"{where}: {error}"
        return
    except Exception as error:
        yield f"{where}: reading it raised {type(error).__name__}: {error}"
        return
    if not first:
        yield f"{where}: it is read as nothing: answer Ignored(reason=…) of what says nothing"
    if seen:
        yield f"{where}: the parser does input or output: {', '.join(sorted(set(seen)))}"
    if not first == second == third:
        yield f"{where}: the parser is not pure: it reads the same arrival differently"
    yield from _check_sendable(first, where)
    if not _in_time(connector, parser, arrival):
        yield f"{where}: {TOO_SLOW}"


def _check_proof(parser: Parser, arrivals: Sequence[Arrival]) -> Iterator[str]:
    """An author whom nobody could have proven must not be: the body was made up, all else is gone."""
    known = {one.author for arrival in arrivals for one in _drafts(parser, arrival)}
    for arrival in arrivals:
        for body in hostile_bodies(arrival.body):
            made_up = msgspec.structs.replace(arrival, body=body, headers={}, remote={})
            for draft in _drafts(parser, made_up):
                if draft.proof == "proven" and draft.author and draft.author not in known:
                    yield (
                        f"arrival {arrival.key!r}: a sender who was made up is `proven`; rest the "
                        "proof on what was verified when it came in, kept in NewArrival.remote"
                    )
                    return


def _drafts(parser: Parser, arrival: Arrival) -> list[Draft]:
    with suppress(Exception):  # told of by another check
        return [one for one in parser(arrival) if isinstance(one, Draft)]
    return []


def _check_sendable(parsed: tuple[Any, ...], where: str) -> Iterator[str]:
    try:
        sent = msgspec.msgpack.decode(msgspec.msgpack.encode(parsed), type=_ANSWER)
    except (TypeError, ValueError, OverflowError) as error:
        yield f"{where}: what the parser answers cannot leave a worker process: {error}"
    else:
        if sent != parsed:
            yield f"{where}: what the parser answers changes on its way out of a worker process"


def _in_time(connector: Reads, parser: Parser, arrival: Arrival) -> bool:
    """Whether what is said to be quick is so in one of a few tries."""

    def once() -> float:
        began = time.thread_time()
        with suppress(Exception):  # told of by another check
            parser(arrival)
        return time.thread_time() - began

    return not connector.is_quick(arrival) or any(once() <= QUICK_SECONDS for _ in range(TRIES))


def _check_hostile(connector: Reads, parser: Parser, arrival: Arrival) -> Iterator[str]:
    """Only the first failure is told; one is enough to mend the parser."""
    for body in hostile_bodies(arrival.body):
        for changed in (
            msgspec.structs.replace(arrival, body=body),
            msgspec.structs.replace(arrival, body=body, headers={}, remote={}, content_type=""),
        ):
            if not _in_time(connector, parser, changed):
                yield f"hostile bytes {body[:60]!r}: {TOO_SLOW}"
                return
            try:
                parsed = tuple(parser(changed))
            except UnreadableArrival:
                continue
            except Exception as error:
                yield (
                    f"hostile bytes {body[:60]!r} raise {type(error).__name__}: {error}; "
                    "only UnreadableArrival may come out"
                )
                return
            failures = list(_check_sendable(parsed, f"hostile bytes {body[:60]!r}"))
            if failures:
                yield failures[0]
                return
