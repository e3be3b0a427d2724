"""Reading what the provider says of calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway import (
    Arrival,
    Draft,
    DraftAttachment,
    Parsed,
    Proof,
    ThreadRef,
    UnreadableArrival,
)
from gateway_sms_voice.numbers import Endpoint, endpoint
from gateway_sms_voice.providers.contract import Reader
from gateway_sms_voice.threads import native_thread
from gateway_sms_voice.voice.composing import CallPolicy, compose, file_of, mark_of
from gateway_sms_voice.voice.facts import CALL, Facts, facts_of
from gateway_sms_voice.voice.fields import call_fields

KIND = "call"


class CallReading(msgspec.Struct, frozen=True, kw_only=True):
    """Reads one part of a call, as if it were all there is; `fold` puts it to the others.

    Args:
        texts: reads whatever is no call.
    """

    policy: CallPolicy
    texts: Reader

    def __call__(self, arrival: Arrival) -> Sequence[Parsed]:
        """Read one arrival.

        Raises:
            UnreadableArrival: it names no call.
        """
        if arrival.kind != KIND:
            return self.texts(arrival)
        step, query = str(arrival.remote.get("step", "")), arrival.remote.get("query", {})
        facts = facts_of(step, call_fields(arrival), query)
        if not facts["sid"]:
            raise UnreadableArrival("it has no CallSid")
        return [self._draft(facts, arrival.remote)]

    def _draft(self, facts: Facts, remote: Mapping[str, Any]) -> Draft:
        ours = endpoint(facts["to"], self.policy.region)
        theirs = endpoint(facts["from"], self.policy.region)
        composed = compose(facts, self.policy)
        proof, evidence = _proof(theirs, composed.trust.stir)
        return Draft(
            kind=composed.kind,
            author=theirs.address(facts.get("name", "")),
            proof=proof, evidence=evidence, subject=composed.subject, text=composed.text,
            language=composed.language,
            attachments=tuple(
                self._attachment(sid, facts)
                for sid, one in facts.get("recordings", {}).items()
                if one["state"] == "completed"
            ),
            recipients=(str(ours),),
            thread=ThreadRef(
                native_id=thread_of(ours, theirs, facts["sid"]),
                address="" if theirs.withheld else str(theirs),
            ),
            external_ids=(facts["sid"],), revises=facts["sid"], quiet=composed.quiet,
            continues=str(remote.get("proof", "")),
            answerable=theirs.reachable, acknowledge=False,
            reasons=("a call is not acknowledged by text",),
            trust=composed.trust, extra={CALL: facts},
        )  # fmt: skip

    def _attachment(self, sid: str, facts: Facts) -> DraftAttachment:
        name = file_of(sid)
        return DraftAttachment(
            name=name, media_type="audio/mpeg", state="pending",
            mark=mark_of(name, facts, self.policy),
        )  # fmt: skip


def thread_of(ours: Endpoint, theirs: Endpoint, sid: str) -> str:
    """Name the thread of a call: texts and calls between two numbers go on in one.

    All who withhold their number would be one person, so that each of their calls has its own.
    """
    thread = native_thread(ours, theirs)
    return f"{thread}#call_{sid}" if theirs.withheld else thread


def _proof(theirs: Endpoint, stir: str) -> tuple[Proof, str]:
    if theirs.withheld or stir == "fail":
        return "claimed", ""
    if stir == "pass":
        return "asserted", "the phone network attests the caller's number (STIR/SHAKEN A)"
    return "asserted", "the phone network shows this number, which can be forged"
