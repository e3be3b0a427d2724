"""What connectors answer, checked once, where it enters the gateway."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from gateway.domain.outgoing import Sent, TicketRef
from gateway.errors import OutcomeUnknown

A = TypeVar("A", bound=msgspec.Struct)
WRONG_ANSWER = "wrong_answer"


def answered(who: str, call: str, answer: Any, kind: type[A]) -> A:
    """Take an answer whose values have the types they are declared with.

    Args:
        who: the channel or backend, as ``backend/NAME``.
        call: what it was asked, the name of a method.

    Raises:
        OutcomeUnknown: it is none, so that nobody knows what was done.
    """
    if not isinstance(answer, kind):
        found = "None" if answer is None else f"a value of type {type(answer).__name__}"
        raise _wrong(who, call, found, kind)
    try:
        taken = msgspec.msgpack.decode(msgspec.msgpack.encode(answer), type=kind)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _wrong(who, call, f"a {kind.__name__} that is wrong ({error})", kind) from None
    if isinstance(taken, TicketRef) and not taken.external_id:
        raise _wrong(who, call, "a TicketRef without an external_id", kind)
    if isinstance(taken, Sent) and not all(taken.external_ids):
        raise _wrong(who, call, "a Sent with an empty text among its external_ids", kind)
    return taken


def answered_or_none(who: str, call: str, answer: Any, kind: type[A]) -> A | None:
    """Take an answer that may be None; see `answered`."""
    return None if answer is None else answered(who, call, answer, kind)


def _wrong(who: str, call: str, found: str, kind: type[msgspec.Struct]) -> OutcomeUnknown:
    expected = {
        TicketRef: "a TicketRef whose external_id is a text that is not empty",
        Sent: "a Sent whose external_ids are texts that are not empty",
    }.get(kind, f"a {kind.__name__}")
    return OutcomeUnknown(
        f"{call} of {who} answered {found}; {expected} is expected: mend or update the plugin",
        code=WRONG_ANSWER,
    )
