"""PostgreSQL keeps one tenant's rows from another's reads, whatever a query forgets."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import msgspec
import pytest
from sqlalchemy import Connection, text

from gateway.domain.arrival import Quarantined
from gateway.domain.changes import Changes
from gateway.errors import NotFound, StoreUnavailable
from gateway.store.blobs import MemoryBlobs
from gateway.store.opening import open_store
from gateway.store.operations import ConversationFilter, Cursor, DeliveryFilter, Tenants
from gateway.store.postgres import PostgresStore
from gateway.store.schema import metadata
from tests.unit.store import values
from tests.unit.store.values import NOW, FixedClock, Opened

pytestmark = pytest.mark.server("postgresql")
OURS = frozenset({"default"})


async def as_owner(store: PostgresStore, *statements: str) -> None:
    """Run statements as the database's owner."""

    def run(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement))

    await store._write(run)


@pytest.fixture
async def role(postgres_url: str) -> AsyncIterator[str]:
    """A role as the manual says it is made; roles are the whole server's, so it has its own name."""
    name = f"gateway_api_{secrets.token_hex(4)}"
    owner = await open_store(postgres_url, blobs=MemoryBlobs(), clock=FixedClock())
    assert isinstance(owner, PostgresStore)
    await as_owner(
        owner, f"CREATE ROLE {name} NOLOGIN", f"GRANT {name} TO CURRENT_USER",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
    )  # fmt: skip
    yield name
    await as_owner(owner, f"DROP OWNED BY {name}", f"DROP ROLE {name}")
    await owner.close()


@pytest.fixture
async def store(postgres_url: str, role: str) -> AsyncIterator[PostgresStore]:
    """A store whose people's reads are made as that role."""
    opened = await open_store(postgres_url, blobs=MemoryBlobs(), clock=FixedClock(), api_role=role)
    assert isinstance(opened, PostgresStore)
    yield opened
    await opened.close()


async def two_tenants(store: PostgresStore) -> tuple[Opened, Opened]:
    """Something of everything, for two tenants."""
    both = Opened(deliveries=1), Opened(deliveries=1, tenant="acme")
    for one in both:
        bad = values.arrival(tenant=one.conversation.tenant)
        await store.accept([bad])
        reason = Quarantined(stage="parse", code="unreadable", error="no")
        [conflict] = await store.commit([one.changes(quarantine=((bad.id, reason),))])
        assert conflict is None
    return both


async def test_a_query_that_forgets_its_tenants_sees_no_others(store: PostgresStore) -> None:
    """Read without any condition, each table holds the rows of the tenants that were named, or none."""
    await two_tenants(store)

    def forgetful(connection: Connection, _tenants: Tenants) -> dict[str, int]:
        return {
            table.name: connection.scalar(text(f"SELECT count(*) FROM {table.name}")) or 0
            for table in metadata.sorted_tables
        }

    mine = await store._read_of(OURS, forgetful)
    theirs = await store._read_of(frozenset({"acme"}), forgetful)
    both = await store._read_of(frozenset({"acme", "default"}), forgetful)
    nobodys = await store._read_of(frozenset(), forgetful)
    assert 1 == mine["conversation"] == theirs["conversation"] == mine["arrival_state"]
    assert both == {table: count + theirs[table] for table, count in mine.items()}
    assert {0} == set(nobodys.values())
    for table in metadata.sorted_tables:
        if "tenant" not in table.columns and table.name not in BESIDE:
            assert 0 == both[table.name], table.name


BESIDE = ("arrival_state", "message_arrival", "message_revision")


async def test_people_see_as_much_as_without_it(store: PostgresStore, postgres_url: str) -> None:
    """Every list and record of one's own tenants is the same as the owner reads; others' are not there."""
    mine, theirs = await two_tenants(store)
    plain = await open_store(postgres_url, blobs=MemoryBlobs(), clock=FixedClock())
    everything = Cursor(limit=500)
    for one in (store, plain):
        assert [mine.conversation] == await one.conversations(
            OURS, ConversationFilter(), everything
        )
        assert 1 == len(await one.deliveries(OURS, DeliveryFilter(), everything))
        assert 1 == len(await one.quarantine(OURS, everything))
        assert 1 == len(
            await one.arrivals(OURS, source="support", since=0, until=NOW * 2, page=everything)
        )
        with pytest.raises(NotFound):
            await one.conversation(OURS, theirs.conversation.id)
    for reading in ("conversation", "messages", "decisions"):
        told = [await _read(one, reading, mine) for one in (store, plain)]
        assert told[0] == told[1], reading
    await plain.close()


async def _read(store: object, reading: str, mine: Opened) -> object:
    number = mine.conversation.id
    if reading == "messages":
        return await store.messages(OURS, number, after_seq=0, limit=9)  # type: ignore[attr-defined]
    if reading == "decisions":
        return await store.decisions(OURS, conversation=number)  # type: ignore[attr-defined]
    return await store.conversation(OURS, number)  # type: ignore[attr-defined]


async def test_the_role_ends_with_the_read(store: PostgresStore) -> None:
    """The same connection writes and reads as the owner afterwards, also when a read failed."""
    mine, _ = await two_tenants(store)
    for _ in range(20):
        with pytest.raises(NotFound):
            await store.message(OURS, 1)
    changed = msgspec.structs.replace(mine.conversation, version=2, subject="Changed")
    assert [None] == await store.commit([Changes(tenant="default", conversations=(changed,))])
    assert 2 == len(await store.conversations(None, ConversationFilter(), Cursor()))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        ((), "does not exist; CREATE ROLE {role} NOLOGIN"),
        (("CREATE ROLE {role} BYPASSRLS",), "is bound by no policy"),
        (("CREATE ROLE {role} NOLOGIN", "GRANT {role} TO CURRENT_USER"),
         "may not read the table arrival; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"),
    ],
)  # fmt: skip
async def test_a_role_that_does_not_do_is_named(
    postgres_url: str, make: tuple[str, ...], words: str
) -> None:
    """A role that is missing, not bound or not granted stops the start, with what to do."""
    role = f"gateway_bad_{secrets.token_hex(4)}"
    owner = await open_store(postgres_url, blobs=MemoryBlobs(), clock=FixedClock())
    assert isinstance(owner, PostgresStore)
    await as_owner(owner, *(one.format(role=role) for one in make))
    with pytest.raises(StoreUnavailable) as told:
        await open_store(postgres_url, blobs=MemoryBlobs(), clock=FixedClock(), api_role=role)
    assert words.format(role=role) in str(told.value)
    await as_owner(owner, f"DROP ROLE IF EXISTS {role}")
    await owner.close()
