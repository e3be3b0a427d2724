"""What is known of a call: facts that come in any order, late, repeated or never.

Facts are put together by `join`, which is commutative, associative and idempotent: whatever the order and
however often each part comes, the sum is the same. What the agent reads is made of the sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CALL = "call"
ENDED = ("completed", "failed", "busy", "no-answer", "canceled")
_RANKS = {"absent": 1, "in-progress": 2, "failed": 3, "completed": 4}
Facts = dict[str, Any]


def join(one: Any, other: Any) -> Any:
    """Put facts together: of two words about the same thing the one that says more."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        names = sorted({*one, *other})
        return {
            name: join(one[name], other[name])
            if name in one and name in other
            else one.get(name, other.get(name))
            for name in names
        }
    return max(one, other, key=_weight)


def _weight(value: Any) -> tuple[int, int, str]:
    """How much a word says: a state by its rank, else what is longer, at last by its letters."""
    text = str(value)
    number = int(value) if isinstance(value, (bool, int, float)) else len(text)
    return (_RANKS.get(text, 0), number, text)


def facts_of(step: str, fields: Mapping[str, str], query: Mapping[str, str]) -> Facts:
    """Read the facts of one request of the provider, or of what its API lists.

    Args:
        step: what the request is about; see `gateway_sms_voice.voice.calls`.
        fields: its parameters.
        query: of our own address that was called: whose call it is, and its language.
    """
    facts: Facts = {
        "sid": fields.get("CallSid", ""),
        "from": fields.get("From") or query.get("from", ""),
        "to": fields.get("To") or query.get("to", ""),
    }
    for name, field in (("name", "CallerName"), ("stir", "StirVerstat"),
                        ("forwarded_from", "ForwardedFrom")):  # fmt: skip
        if fields.get(field):
            facts[name] = fields[field][:255]
    if query.get("lang"):
        facts["language"] = query["lang"]
    if step in ("callback", "code"):
        facts[step] = True
    if step == "transcript" or fields.get("TranscriptionSid"):
        facts["words"] = _words(fields)
    elif fields.get("RecordingSid"):
        facts["recordings"] = _recording(step, fields)
    elif fields.get("CallStatus") and step in ("ring", "status"):
        facts["statuses"] = {fields["CallStatus"]: True}
        if _number(fields.get("CallDuration", "")) is not None:
            facts["seconds"] = _number(fields["CallDuration"])
    return facts


def _recording(step: str, fields: Mapping[str, str]) -> Facts:
    state = fields.get("RecordingStatus") or ("in-progress" if step == "recorded" else "completed")
    found: Facts = {"state": state if state in _RANKS else "in-progress"}
    seconds = _number(fields.get("RecordingDuration", ""))
    if seconds is not None:
        found["seconds"] = seconds
    return {fields["RecordingSid"]: found}


def _words(fields: Mapping[str, str]) -> Facts:
    state = fields.get("TranscriptionStatus", "completed")
    text = fields.get("TranscriptionText", "").strip()
    done = state == "completed" and bool(text)
    return {
        fields.get("RecordingSid", ""): {"state": "completed" if done else "failed", "text": text}
    }


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None
