"""Opt-outs: who does not want our texts, for each pair of numbers.

What counts as asking is the provider's flag or the whole text, never a word in it. The words are those
carriers and providers go by (https://help.twilio.com/articles/223134027, and the FCC's rule of 2025 on
revoking consent for ``revoke`` and ``optout``).
"""

from __future__ import annotations

from typing import Any, Literal

from gateway import State
from gateway_sms_voice.numbers import Endpoint
from gateway_sms_voice.threads import native_thread

Asked = Literal["STOP", "START", "HELP"]
STOP_WORDS = (
    "stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout",
    "opt out", "opt-out",
)  # fmt: skip
START_WORDS = ("start", "yes", "unstop")
HELP_WORDS = ("help", "info")
PREFIX = "optout/"


def key(ours: Endpoint, theirs: Endpoint) -> str:
    """Name the pair in the channel's state."""
    return PREFIX + native_thread(ours, theirs)


def asked(flag: str, text: str, *, opted_out: bool) -> Asked | None:
    """Say what somebody asks for, if a message is nothing but that.

    Args:
        flag: what the provider says, such as Twilio's ``OptOutType``; it counts before the text.
        opted_out: they are opted out now; to anybody else ``yes`` is an answer like any other.
    """
    if flag.upper() in ("STOP", "START", "HELP"):
        return flag.upper()  # type: ignore[return-value]
    word = " ".join(text.split()).strip(".!\"'").lower()
    if word in STOP_WORDS:
        return "STOP"
    if word in START_WORDS and opted_out:
        return "START"
    if word in HELP_WORDS:
        return "HELP"
    return None


def reason_of(wish: str, theirs: str, ours: str) -> str:
    """Say what was recorded, for the decision that is kept."""
    said = {
        "STOP": f"{theirs} wants no more texts from {ours}; nothing is sent there until START comes",
        "START": f"{theirs} wants texts from {ours} again",
        "HELP": f"{theirs} asked {ours} for its help text, which the provider sends",
    }
    return said.get(wish, f"{theirs} sent {wish} to {ours}")


async def is_opted_out(state: State, ours: Endpoint, theirs: Endpoint) -> dict[str, Any] | None:
    """Say when and how somebody opted out, or None."""
    value = (await state.get(key(ours, theirs))).value
    return value if isinstance(value, dict) and value.get("out") else None


def opt_out_write(
    ours: Endpoint, theirs: Endpoint, *, out: bool, at: int, by: str
) -> tuple[str, dict[str, Any]]:
    """Say what is kept of a pair in the channel's state.

    Args:
        at: when it was asked for, in milliseconds since the Unix epoch.
        by: who says so, for people.
    """
    return key(ours, theirs), {"out": out, "at": at, "by": by}
