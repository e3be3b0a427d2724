"""The native thread of two numbers: whoever texts us from there goes on in it."""

from __future__ import annotations

from gateway_sms_voice.numbers import Endpoint, endpoint

_BETWEEN, _OWN = "~", "#conv_"


def native_thread(ours: Endpoint, theirs: Endpoint) -> str:
    """Name the thread between one of our numbers and somebody."""
    return f"{ours}{_BETWEEN}{theirs}"


def ends_of(native: str) -> tuple[Endpoint, Endpoint] | None:
    """Read the two ends of a thread; None if it is no thread of this channel."""
    pair, _, _ = native.partition(_OWN)
    ours, between, theirs = pair.partition(_BETWEEN)
    return (endpoint(ours), endpoint(theirs)) if between else None
