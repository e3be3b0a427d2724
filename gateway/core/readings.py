"""What a parser answers, checked: the same in the gateway's own process and in a worker's."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import msgspec

from gateway.contracts.channel import Parser
from gateway.domain.arrival import Arrival
from gateway.domain.draft import Parsed
from gateway.errors import UnreadableArrival, WrongReading

KINDS: tuple[type, ...] = get_args(Parsed)
EXPECTED = "a list or tuple of Draft, Receipt, AgentReply, TicketChange or Ignored is expected"


class Reading(msgspec.Struct, frozen=True):
    """What came of reading; plain data, so that a subverted worker cannot do more than lie.

    Args:
        error: why the arrival cannot be read.
        wrong: what is wrong with the parser's answer.
    """

    parsed: tuple[Parsed, ...] = ()
    error: str | None = None
    wrong: str | None = None


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Reading)


def read(parser: Parser, arrival: Arrival) -> bytes:
    """Have an arrival read, whatever the parser does; `taken` tells what came of it."""
    try:
        return _written(parser(arrival))
    except KeyboardInterrupt:
        raise
    except MemoryError:
        return _ENCODER.encode(Reading(error="it needs more memory than the limit allows"))
    except UnreadableArrival as error:
        return _ENCODER.encode(Reading(error=_plain(str(error))))
    except BaseException as error:  # a parser that wants to exit ends nothing but its own work
        return _ENCODER.encode(Reading(error=_plain(f"{type(error).__name__}: {error}")))


def taken(reading: bytes | bytearray) -> tuple[Parsed, ...]:
    """Take what was read.

    Raises:
        UnreadableArrival: the parser said so, or raised something else.
        WrongReading: it answered what no parser may answer.
    """
    try:
        found = _DECODER.decode(reading)
    except msgspec.DecodeError as error:
        where = str(error).replace("$.parsed", "$")
        raise WrongReading(f"its parser answered a value of a wrong type: {where}") from None
    if found.wrong is not None:
        raise WrongReading(found.wrong)
    if found.error is not None:
        raise UnreadableArrival(found.error)
    return found.parsed


def without_parser(error: Exception) -> bytes:
    """Say of a parser that it cannot be had where it is to run."""
    reason = f"its parser cannot be used: {type(error).__name__}: {error}"
    return _ENCODER.encode(Reading(wrong=_plain(reason)))


def _written(answer: Any) -> bytes:
    """Write an answer down; whether its values have their types is seen when it is taken."""
    wrong = _wrong(answer)
    if not wrong:
        try:
            return _ENCODER.encode(Reading(parsed=tuple(answer)))
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            wrong = f"its parser answered a value that cannot be kept: {error}"
    return _ENCODER.encode(Reading(wrong=_plain(wrong)))


def _wrong(answer: Any) -> str:
    if inspect.iscoroutine(answer):
        answer.close()  # else Python warns that nobody awaited it
    if not isinstance(answer, (list, tuple)):
        return f"its parser answered {_named(answer)}; {EXPECTED}"
    for number, one in enumerate(answer):
        if not isinstance(one, KINDS):
            return f"its parser answered {_named(one)} as item {number}; {EXPECTED}"
    return ""


def _named(answer: Any) -> str:
    return "None" if answer is None else f"a value of type {type(answer).__name__}"


def _plain(words: str) -> str:
    """Words that can be stored: a surrogate in them cannot."""
    return words.encode("utf-8", "backslashreplace").decode()
