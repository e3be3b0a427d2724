"""From an arrival's bytes to candidates: parse, store attachments, normalise, redact, enrich."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from gateway.contracts.backend import Backend
from gateway.contracts.channel import Channel
from gateway.contracts.services import Clock
from gateway.core.api_reply import parse_api_reply
from gateway.core.parsing import ParserPool
from gateway.core.pipeline.candidate import Candidate, Note, candidate_message
from gateway.core.readings import read, taken, without_parser
from gateway.core.sniffing import sniff
from gateway.domain.answers import Hold, Refuse
from gateway.domain.arrival import Arrival
from gateway.domain.decision import DecisionKind
from gateway.domain.draft import AgentReply, Draft, DraftAttachment, Parsed
from gateway.domain.message import Attachment
from gateway.errors import UnreadableArrival, WrongReading
from gateway.hooks.calls import Hooks
from gateway.hooks.dispatcher import Answered, Piped
from gateway.store.blobs import BlobStore

Connectors = Mapping[tuple[str, str], Channel[Any] | Backend[Any]]


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """One part of an arrival, ready to be decided about.

    Args:
        parsed: as the connector read it; for a draft the `candidate` counts.
        stopped: a plugin's Hold or Refuse instead of a candidate, and which plugin's.
    """

    parsed: Parsed
    part: int = 0
    candidate: Candidate | None = None
    attachments: tuple[Attachment, ...] = ()
    stopped: Hold | Refuse | None = None
    stopped_by: str = ""


class Preparer:
    """Prepares arrivals; no decision about conversations is taken here.

    Args:
        connectors: channels and backends by (kind, name), as arrivals name them.
        plugins: which plugin brought each of them.
    """

    def __init__(
        self,
        *,
        connectors: Connectors,
        pool: ParserPool,
        hooks: Hooks,
        blobs: BlobStore,
        clock: Clock,
        new_id: Callable[[], int],
        plugins: Mapping[tuple[str, str], str] = MappingProxyType({}),
    ) -> None:
        self._plugins = plugins
        self._connectors, self._pool, self._hooks = connectors, pool, hooks
        self._blobs, self._clock, self._new_id = blobs, clock, new_id

    async def parse(self, arrival: Arrival) -> Sequence[Parsed]:
        """Read an arrival, in a worker process unless it is bounded.

        Raises:
            UnreadableArrival: it cannot be read.
            WrongReading: the connector's parser answered what no parser may answer.
        """
        if arrival.source_kind == "api":
            return parse_api_reply(arrival)
        connector = self._connectors.get((arrival.source_kind, arrival.source))
        if connector is None:
            raise UnreadableArrival(
                f"no {arrival.source_kind} is called {arrival.source!r} any more; "
                "put it back into the configuration and replay this"
            )
        try:
            return await self._read(connector, arrival)
        except WrongReading as error:
            plugin = self._plugins.get((arrival.source_kind, arrival.source), "")
            raise WrongReading(error.reason, plugin) from error

    async def _read(
        self, connector: Channel[Any] | Backend[Any], arrival: Arrival
    ) -> Sequence[Parsed]:
        try:
            parser, quick = connector.parser, connector.is_quick(arrival)
        except Exception as error:
            return taken(without_parser(error))
        return taken(read(parser, arrival)) if quick else await self._pool.parse(parser, arrival)

    async def prepare(self, arrival: Arrival, *, released: bool = False) -> list[Prepared]:
        """Prepare every part of an arrival.

        Args:
            released: a person let it go, so that a plugin's Hold or Refuse no longer counts.
        """
        return [
            await self._part(arrival, parsed, part, released)
            for part, parsed in enumerate(await self.parse(arrival))
        ]

    async def _part(self, arrival: Arrival, parsed: Parsed, part: int, released: bool) -> Prepared:
        if isinstance(parsed, AgentReply):
            stored = await self._store(parsed.attachments)
            return Prepared(parsed=parsed, part=part, attachments=stored)
        if not isinstance(parsed, Draft):
            return Prepared(parsed=parsed, part=part)
        piped = await self._hooks.normalise_message(arrival, parsed)
        if piped.ended is not None and not released:
            return _stopped(parsed, part, piped.ended)
        draft, notes = piped.value, _notes("enrich", "normalised", parsed, piped)
        message = candidate_message(
            self._new_id(), arrival, draft, await self._store(draft.attachments), self._clock.now()
        )
        redacted = await self._hooks.redact_message(message, "store")
        if redacted.ended is not None and not released:
            return _stopped(parsed, part, redacted.ended)
        shown = redacted.value.author.address
        if draft.author is not None and shown is not None and shown.name != draft.author.name:
            named = msgspec.structs.replace(draft.author, name=shown.name)
            draft = msgspec.structs.replace(draft, author=named)
        enriched = await self._hooks.enrich_message(redacted.value)
        if enriched.ended is not None and not released:
            return _stopped(parsed, part, enriched.ended)
        notes += _notes("redact", "store", message, redacted)
        notes += _notes("enrich", "enriched", redacted.value, enriched)
        candidate = Candidate(draft=draft, message=enriched.value, part=part, notes=notes)
        return Prepared(parsed=draft, part=part, candidate=candidate)

    async def _store(self, drafts: tuple[DraftAttachment, ...]) -> tuple[Attachment, ...]:
        return tuple([await self._attachment(draft) for draft in drafts])

    async def _attachment(self, draft: DraftAttachment) -> Attachment:
        if draft.data is None:
            return Attachment(
                name=draft.name, media_type=draft.media_type, content_id=draft.content_id,
                inline=draft.inline, mark=draft.mark, state=draft.state,
            )  # fmt: skip
        blob = await self._blobs.put(draft.data)
        return Attachment(
            name=draft.name, media_type=draft.media_type, sniffed=sniff(draft.data[:512]),
            size=len(draft.data), sha256=blob, blob=blob, content_id=draft.content_id,
            inline=draft.inline, mark=draft.mark,
        )  # fmt: skip


def _stopped(parsed: Parsed, part: int, ended: Answered[Hold | Refuse]) -> Prepared:
    return Prepared(
        parsed=parsed, part=part, stopped=ended.value,
        stopped_by=f"{ended.plugin} {ended.version}",
    )  # fmt: skip


def _notes(
    kind: DecisionKind, outcome: str, before: msgspec.Struct, piped: Piped[Any]
) -> tuple[Note, ...]:
    """What each plugin changed, by the names of the fields; the contents stay out of it."""
    notes = []
    for by in piped.changed_by:
        changed = [
            name
            for name in before.__struct_fields__
            if getattr(before, name) != getattr(by.value, name)
        ]
        before = by.value
        notes.append(
            Note(
                kind=kind, outcome=outcome, plugin=f"{by.plugin} {by.version}",
                reason=f"changed {', '.join(changed) or 'nothing'}",
            )
        )  # fmt: skip
    return tuple(notes)
