"""``gateway replay``: run stored arrivals again and show what would be different."""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
import msgspec

from gateway.cli.arguments import Id, Moment, Shown, named
from gateway.cli.options import Command
from gateway.cli.progress import progress
from gateway.cli.session import Session
from gateway.cli.terminal import indent, plain, table
from gateway.core.redacting import redaction
from gateway.domain.ids import show
from gateway.domain.message import Message
from gateway.errors import GatewayError, NotFound, Refused

if TYPE_CHECKING:
    from gateway.core.assembly import Parts
    from gateway.core.rerunning import Rerun, Rerunner

_PAGE = 500


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which arrivals to run again, and what to do with what comes of it."""

    arrivals: tuple[int, ...]
    source: str
    since: int | None
    until: int | None
    limit: int
    apply: bool
    forward: bool


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One field that would be another now, as people may see it."""

    field: str
    before: Any
    after: Any


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A rerun with what was done about it: ``revised``, ``replayed``, or nothing."""

    rerun: Rerun
    differences: tuple[Difference, ...] = ()
    applied: str = ""
    error: str = ""


@click.command(
    cls=Command,
    examples=(
        "gateway replay arr_0b52k9qa4g000 --diff",
        "gateway replay --source support --since 2d           # what would be different?",
        "gateway replay --source support --since 2d --apply",
    ),
)
@click.argument("arrivals", type=Id("arr"), nargs=-1)
@click.option(
    "--source", default="", metavar="NAME", help="What came from this channel or backend."
)
@click.option("--since", type=Moment(), metavar="MOMENT", help="Received since then, or 2h ago.")
@click.option("--until", type=Moment(), metavar="MOMENT", help="Received before then.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True,
              help="At most so many of a span, the oldest first.")  # fmt: skip
@click.option("--diff", is_flag=True, help="Show what would be different, field by field.")
@click.option("--apply", is_flag=True, help="Commit it: a new revision of each changed message.")
@click.option("--forward", is_flag=True, help="With --apply: send it to the backends as well.")
@click.pass_obj
def command(session: Session, /, arrivals: tuple[Shown, ...], diff: bool, **chosen: Any) -> None:
    """Run stored arrivals again with the plugins and settings of today.

    By id or by span. Nothing is written without --apply. What a message says is made again; who wrote it and where
    it belongs is not decided again. A quarantined arrival that passes now is replayed by --apply.
    """
    choice = Choice(arrivals=tuple(arrival.number for arrival in arrivals), **chosen)
    if bool(choice.arrivals) == (choice.since is not None or bool(choice.source)):
        raise click.UsageError("name arrivals, or a span with --since, --until and --source")
    if choice.forward and not choice.apply:
        raise click.UsageError("--forward goes with --apply")
    found = session.with_parts(lambda parts: _run(parts, session, choice))
    session.print([_document(one) for one in found], _words(found, diff=diff))
    failed = [one.error for one in found if one.error]
    if failed:
        raise GatewayError(
            f"{len(failed)} could not be applied, the first one because: {failed[0]}"
        )


async def _run(parts: Parts, session: Session, choice: Choice) -> list[Done]:
    from gateway.core.rerunning import Rerunner

    rerunner = Rerunner(
        store=parts.store,
        preparer=parts.preparer,
        clock=parts.clock,
        new_id=parts.new_id,
        on_committed=parts.notice,
        channels=parts.channels,
    )
    arrivals = list(choice.arrivals) or await _span(parts, session, choice)
    found: list[Done] = []
    with progress("Running again") as advance:
        for number, arrival in enumerate(arrivals, 1):
            with named(show("arr", arrival)):
                reruns = await rerunner.look(session.tenants, arrival)
            fresh = [
                Done(rerun=rerun, differences=await _differences(parts, rerun)) for rerun in reruns
            ]
            if choice.apply:
                fresh = [await _apply(parts, session, rerunner, one, choice) for one in fresh]
            found += fresh
            advance(number, len(arrivals))
    return found


async def _differences(parts: Parts, rerun: Rerun) -> tuple[Difference, ...]:
    """What would be different, redacted for people."""
    if rerun.stored is None or rerun.revised is None:
        return ()
    redact = redaction(parts.hooks)
    before = await redact(rerun.stored, "console")
    after = await redact(rerun.revised, "console")
    return tuple(
        Difference(field=field, before=_said(before, field), after=_said(after, field))
        for field in rerun.fields
    )


def _said(message: Message, field: str) -> Any:
    return message.author.name if field == "author" else getattr(message, field)


async def _apply(
    parts: Parts, session: Session, rerunner: Rerunner, done: Done, choice: Choice
) -> Done:
    rerun, tenants = done.rerun, session.tenants
    try:
        if rerun.outcome == "changed":
            await rerunner.apply(tenants, rerun, session.who, forward=choice.forward)
            return msgspec.structs.replace(done, applied="revised")
        if rerun.outcome == "passes":
            await parts.operator.replay_arrival(
                tenants, rerun.arrival, release=False, who=session.who
            )
            return msgspec.structs.replace(done, applied="replayed")
    except (Refused, NotFound) as error:
        return msgspec.structs.replace(done, error=str(error))
    return done


async def _span(parts: Parts, session: Session, choice: Choice) -> list[int]:
    """The arrivals of a span, the oldest first."""
    from gateway.store.operations import Cursor

    until = time.time_ns() // 1_000_000 + 1 if choice.until is None else choice.until
    found: list[int] = []
    before = None
    while page := await parts.store.arrivals(
        session.tenants,
        source=choice.source,
        since=choice.since or 0,
        until=until,
        page=Cursor(before=before, limit=_PAGE),
    ):
        found += [one.arrival.id for one in page]
        before = page[-1].arrival.id
    return found[::-1][: choice.limit]


def _document(done: Done) -> dict[str, Any]:
    rerun = done.rerun
    return {
        "arrival": show("arr", rerun.arrival),
        "part": rerun.part,
        "outcome": rerun.outcome,
        "reason": rerun.reason,
        "message": show("msg", rerun.message) if rerun.message else None,
        "differences": done.differences,
        "applied": done.applied or None,
        "error": done.error or None,
    }


def _words(found: list[Done], *, diff: bool) -> str:
    if not found:
        return "No arrivals."
    rows = [
        (
            show("arr", one.rerun.arrival),
            show("msg", one.rerun.message) if one.rerun.message else "",
            one.applied or one.rerun.outcome,
            one.error or one.rerun.reason or ", ".join(one.rerun.fields),
        )
        for one in found
    ]
    blocks = [table(("Arrival", "Message", "Outcome", "What"), rows)]
    if diff:
        blocks += [_diff(one) for one in found if one.differences]
    changed = sum(one.rerun.outcome == "changed" for one in found)
    applied = sum(bool(one.applied) for one in found)
    blocks.append(f"{len(found)} run again, {changed} different, {applied} applied.")
    return "\n\n".join(blocks)


def _diff(done: Done) -> str:
    rerun = done.rerun
    head = f"{show('msg', rerun.message or 0)} of {show('arr', rerun.arrival)}"
    lines = [line for difference in done.differences for line in _difference(difference)]
    return "\n".join([head, *lines])


def _difference(difference: Difference) -> Iterator[str]:
    before, after = _lines(difference.before), _lines(difference.after)
    yield f"  {difference.field}"
    if before == after:
        yield "    (different only in what the policy hides)"
    for line in difflib.unified_diff(before, after, lineterm="", n=2):
        if not line.startswith(("---", "+++", "@@")):
            yield indent(line, "    ")


def _lines(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.splitlines() or ["(empty)"]
    told = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return [plain(line) for line in told.splitlines()]
