"""A stored call and what came in of it: one message, whatever the order of its parts."""

from __future__ import annotations

import msgspec

from gateway import Attachment, Message
from gateway_sms_voice.voice.composing import CallPolicy, compose, mark_of
from gateway_sms_voice.voice.facts import CALL, join

TRANSCRIPTS = "transcripts"
_BETTER = {"pending": 0, "unavailable": 1, "blocked": 2, "too_large": 3, "stored": 4}


def fold(stored: Message, new: Message, policy: CallPolicy) -> Message:
    """Put what is known of a call together."""
    facts = join(stored.extra.get(CALL, {}), new.extra.get(CALL, {}))
    transcripts = join(stored.extra.get(TRANSCRIPTS, {}), new.extra.get(TRANSCRIPTS, {}))
    attachments = tuple(
        msgspec.structs.replace(one, mark=mark_of(one.name, facts, policy))
        for one in _together(stored.attachments, new.attachments)
    )
    composed = compose(facts, policy, attachments, transcripts)
    extra = {**stored.extra, **new.extra, CALL: facts}
    if transcripts:
        extra[TRANSCRIPTS] = transcripts
    return msgspec.structs.replace(
        new, kind=composed.kind, subject=composed.subject, text=composed.text,
        language=composed.language, quiet=composed.quiet, trust=composed.trust,
        attachments=attachments, extra=extra,
        spam=max(stored.spam, new.spam, key=lambda spam: (spam.score, spam.reasons)),
    )  # fmt: skip


def _together(one: tuple[Attachment, ...], other: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
    """Every file once, by its name; what is there goes before what is not."""
    found: dict[str, Attachment] = {}
    for attachment in (*one, *other):
        before = found.get(attachment.name)
        if before is None or _rank(attachment) > _rank(before):
            found[attachment.name] = attachment
    return tuple(found[name] for name in sorted(found))


def _rank(attachment: Attachment) -> tuple[int, str]:
    return _BETTER[attachment.state], attachment.sha256
