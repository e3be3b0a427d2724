"""Delivery reports of Kannel.

``type`` says what happened: 1 delivered to the phone, 2 not delivered, 4 buffered at the SMS centre, 8
taken by the SMS centre, 16 refused by it. They come in any order, and each is tried again until it is
acknowledged. ``told`` holds the SMS centre's own words: by SMPP a receipt (3.4, appendix B) or the status with
which it refused (5.1.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from gateway import Ignored, Parsed, Receipt, ReceiptState, UnreadableArrival, read_id
from gateway_sms_voice.numbers import endpoint

MASK = 31
QUERY = "type=%d&told=%A&smsc=%i&to=%p&id=%F"
_STATES: dict[str, ReceiptState] = {
    "1": "delivered", "2": "failed", "4": "sent", "8": "sent", "16": "failed",
}  # fmt: skip
_STAT = re.compile(r"\bstat:([A-Z]{1,7})(?: err:([0-9A-Za-z]{1,5}))?")
_REFUSED = re.compile(r"NACK/(?:0x0*([0-9a-fA-F]{1,8})/)?(.*)", re.DOTALL)


class Meaning(msgspec.Struct, frozen=True):
    """What the SMS centre's word for a failure means.

    Args:
        passing: the same text may get through later.
        gone: the number cannot be written to at all.
    """

    words: str
    passing: bool = False
    gone: bool = False


STATS = {
    "EXPIRED": Meaning("the phone was off or out of reach until the message expired", passing=True),
    "UNDELIV": Meaning("the operator could not deliver it"),
    "REJECTD": Meaning("the operator refused it"),
    "DELETED": Meaning("it was deleted at the operator"),
    "UNKNOWN": Meaning("the operator does not know what became of it", passing=True),
}
REFUSALS = {
    "a": Meaning("the operator does not take our sending number"),
    "b": Meaning("the receiver's number is not valid", gone=True),
    "14": Meaning("the operator's queue is full", passing=True),
    "45": Meaning("the operator refused it"),
    "58": Meaning("the operator asks for a slower pace", passing=True),
    "61": Meaning("the operator does not take messages that are to be delivered at a later time"),
}


def read_report(body: bytes, remote: Mapping[str, Any]) -> Parsed:
    """Read what became of one part of a delivery.

    Args:
        body: the query of the request, without its code.
        remote: our own ids, from the address that was called.

    Raises:
        UnreadableArrival: it is no report.
    """
    try:
        fields = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20))
    except ValueError as error:
        raise UnreadableArrival(f"the query is not as Kannel makes it: {error}") from error
    kind, told = fields.get("type", ""), fields.get("told", "")
    state = _STATES.get(kind)
    if state is None:
        return Ignored(reason=f"a report of type {kind[:20]!r} says nothing of a delivery")
    part, parts = int(remote.get("part", 1)), int(remote.get("parts", 1))
    meaning, code = _meaning(kind, told)
    if part < parts and state == "delivered":
        state = "sent"  # the whole is with the customer once its last part is
    return Receipt(
        delivery=_delivery(remote.get("delivery")),
        recipient=endpoint(fields.get("to", "")).address() if meaning.gone else None,
        state=state,
        permanent=not meaning.passing,
        whole=part == parts,
        code=code,
        text=f"part {part} of {parts}: {meaning.words}" if parts > 1 else meaning.words,
    )


def kept_query(query: tuple[tuple[str, str], ...]) -> bytes:
    """Write down the fields of a request that tell something; its code proves, and is not kept."""
    names = [pair.partition("=")[0] for pair in QUERY.split("&")]
    return urlencode([(name, value) for name, value in query if name in names]).encode()


def _meaning(kind: str, told: str) -> tuple[Meaning, str]:
    """Say in words what a report means, and the operator's code for it."""
    if kind == "16":
        return _refusal(told)
    if kind == "2":
        return _failure(told)
    if kind == "4":
        return Meaning("the SMS centre keeps it until the phone can be reached"), "kannel_buffered"
    return Meaning("the phone has it" if kind == "1" else "the SMS centre took it"), ""


def _failure(told: str) -> tuple[Meaning, str]:
    found = _STAT.search(told)
    if found is None:
        return Meaning("the operator could not deliver it"), "kannel_failed"
    stat, error = found.groups()
    known = STATS.get(stat) or Meaning(f"the operator says {stat}")
    if error is None or not error.strip("0"):
        return known, f"smsc_{stat.lower()}"
    words = msgspec.structs.replace(known, words=f"{known.words} (error {error})")
    return words, f"smsc_{stat.lower()}_{error.lower()}"


def _refusal(told: str) -> tuple[Meaning, str]:
    found = _REFUSED.match(told)
    status, words = (found.group(1) or "", found.group(2).strip()) if found else ("", told)
    if not status:
        if words == "Retries Exceeded":
            return Meaning("the SMS centre did not take it in time"), "kannel_retries"
        return Meaning(
            f"the SMS centre refused it: {words[:100] or 'no reason given'}"
        ), "kannel_refused"
    known = REFUSALS.get(status.lower()) or Meaning(f"the SMS centre refused it: {words[:100]}")
    return known, f"smpp_0x{status.lower()}"


def _delivery(shown: Any) -> int | None:
    try:
        return read_id("dlv", str(shown))
    except ValueError:
        return None
