"""Who is alive, who works on which partition, and the fence around what each may write.

A process lives while its row does. Whoever finds a row that ran out deletes it, which frees its
partitions. Every write for a partition holds its process's row in share mode, so that the deletion
waits for what is being committed and stops what comes later: the number of a deleted row is never
given again. What a living process gives up by itself it gives up when nothing of it is under way.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    column,
    delete,
    func,
    insert,
    select,
    table,
    text,
    update,
)

from gateway.domain.ids import NODES
from gateway.domain.partition import Fence, Process, Standing, fair_share
from gateway.errors import StoreUnavailable
from gateway.store import schema
from gateway.store.statements import among, is_postgres, present, query, run_many

_process = schema.process.c
_share = schema.share.c
_SESSIONS = table("pg_stat_activity", *map(column, ("pid", "application_name", "state", "datname")))
_CUT_OFF = select(func.pg_terminate_backend(_SESSIONS.c.pid)).where(
    _SESSIONS.c.application_name == _process.session,
    _SESSIONS.c.application_name != func.current_setting("application_name"),
    _SESSIONS.c.datname == func.current_database(),
    _SESSIONS.c.state != "idle",
)
_RAN_OUT = (_process.expires_at <= bindparam("moment")) & (_process.id != bindparam("but"))
_CUT_OFF_RAN_OUT = _CUT_OFF.where(_RAN_OUT)
_LOCK_RAN_OUT = (
    select(_process.id).where(_RAN_OUT).order_by(_process.id).with_for_update(skip_locked=True)
)
_UNTIL = (
    select(_process.expires_at)
    .where(_process.id == bindparam("process"))
    .with_for_update(key_share=True)
)
_BEAT = text("UPDATE process SET works = :works, expires_at = :until WHERE id = :process")
_WORKERS = select(_process.id).where(_process.works == 1).order_by(_process.id)
_STANDS = (
    select(_process.id)
    .where(_process.id == bindparam("process"))
    .with_for_update(read=True, key_share=True)
)
_HELD = select(_share.partition).where(_share.process == bindparam("process"))
_JOINING = 7_305_180_522  # any number; every gateway asks PostgreSQL for the same one


def join(connection: Connection, name: str, *, now: int, ttl: int) -> Process:
    """Count a process among the living, with a node number of its own.

    Node numbers go round, so that one is used again only after a thousand others.

    Raises:
        StoreUnavailable: every number is taken.
    """
    if is_postgres(connection):  # two that join at once must not choose the same number
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_JOINING})")
    moment = present(connection, now)
    _bury(connection, moment)
    number = connection.execute(
        insert(schema.process)
        .values(name=name, session=_session(connection), works=0, expires_at=moment + ttl)
        .returning(_process.id)
    ).scalar_one()
    taken = set(connection.scalars(select(_process.node).where(_process.node.is_not(None))))
    free = (node % NODES for node in range(number, number + NODES))
    node = next((node for node in free if node not in taken), None)
    if node is None:
        raise StoreUnavailable(f"{NODES} processes share this store already")
    mine = _process.id == number
    connection.execute(update(schema.process).where(mine).values(node=node))
    return Process(id=number, node=node, name=name)


def beat(connection: Connection, process: int, *, now: int, ttl: int, works: bool) -> bool | None:
    """Go on living; whether we were in time, and None if we were given up for dead."""
    moment = present(connection, now)
    found = query(connection, _UNTIL, process=process)
    if not found:
        return None
    beaten = {"process": process, "works": int(works), "until": moment + ttl}
    run_many(connection, _BEAT, [beaten])
    return bool(found[0].expires_at > moment)


def divide(connection: Connection, process: int, *, now: int, bury: bool) -> Standing:
    """Find out which partitions are ours, and take what is free and due to us.

    Args:
        bury: give up for dead those that did not beat. After a pause of our own, or of the
            database, they get a chance to be in time as well.
    """
    if bury:
        _bury(connection, present(connection, now), but=process)
    workers = [row.id for row in query(connection, _WORKERS)]
    if process not in workers:
        return Standing()
    due = fair_share(len(workers), workers.index(process))
    held = _held(connection, process)
    held |= _take(connection, process, due - len(held))
    return Standing(partitions=frozenset(held), due=due, workers=len(workers))


def _session(connection: Connection) -> str:
    """What the server knows the connections of this process by."""
    if not is_postgres(connection):
        return ""
    return str(connection.scalar(select(func.current_setting("application_name"))))


def _held(connection: Connection, process: int) -> set[int]:
    return {row.partition for row in query(connection, _HELD, process=process)}


def _bury(connection: Connection, moment: int, but: int = 0) -> None:
    """Give up those that ran out, unless one is just beating or in the middle of a commit.

    Of a process that was stopped in the middle of one the connection is cut, for the server would
    wait for the rest of it; the next look buries it.
    """
    if is_postgres(connection):
        query(connection, _CUT_OFF_RAN_OUT, moment=moment, but=but)
    gone = [row.id for row in query(connection, _LOCK_RAN_OUT, moment=moment, but=but)]
    if gone:
        _free(connection, among(connection, _share.process, gone))
        connection.execute(delete(schema.process).where(among(connection, _process.id, gone)))


def _free(connection: Connection, which: ColumnElement[bool]) -> None:
    connection.execute(update(schema.share).where(which).values(process=None))


def _take(connection: Connection, process: int, many: int) -> set[int]:
    if many <= 0:
        return set()
    free = connection.scalars(
        select(_share.partition)
        .where(_share.process.is_(None))
        .order_by(_share.partition)
        .limit(many)
        .with_for_update(skip_locked=True)
    ).all()
    wanted = among(connection, _share.partition, free)
    connection.execute(update(schema.share).where(wanted).values(process=process))
    return set(free)


def hand_over(connection: Connection, process: int, partitions: Collection[int]) -> None:
    """Give up partitions of which nothing is under way any more."""
    _free(connection, (_share.process == process) & among(connection, _share.partition, partitions))


def leave(connection: Connection, process: int) -> None:
    """Count a process no longer among the living; its partitions are free at once."""
    mine = _process.id == process
    connection.execute(select(_process.id).where(mine).with_for_update())
    _free(connection, _share.process == process)
    connection.execute(delete(schema.process).where(mine))


def standing_fences(connection: Connection, fences: Collection[Fence]) -> set[Fence]:
    """Find which fences stand; they go on standing until the transaction ends."""
    standing: set[Fence] = set()
    for process in sorted({fence.process for fence in fences}):  # seldom another than our own
        if query(connection, _STANDS, process=process):
            held = _held(connection, process)
            standing |= {one for one in fences if one.process == process and one.partition in held}
    return standing
