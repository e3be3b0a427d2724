"""A backup under load holds what was acknowledged before it, and restores into either engine."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from gateway.domain.arrival import Mark
from gateway.domain.flow import flow_of
from gateway.domain.message import Attachment
from gateway.errors import Refused, SchemaMismatch, StoreUnavailable
from gateway.store import migrating
from gateway.store.archive import make_backup, restore_backup
from gateway.store.blobs import FileBlobs
from gateway.store.opening import open_store
from gateway.store.operations import ConversationFilter, Cursor, Store
from tests.servers.postgres import Postgres
from tests.unit.store import values
from tests.unit.store.values import NOW, FixedClock, Opened, files_in

BIG = b"x" * 300_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with the keys of a gateway."""
    folder = tmp_path / "var"
    folder.mkdir()
    (folder / "reply.key").write_text("k" * 64)
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, data: Path) -> str:
    """The address of an empty database, of each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{data / 'gateway.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


async def with_store(url: str, blobs: FileBlobs, work: Callable[[Store], Awaitable[None]]) -> None:
    """Open a store for something."""
    store = await open_store(url, blobs=blobs, clock=FixedClock())
    try:
        await work(store)
    finally:
        await store.close()


async def fill(store: Store, blobs: FileBlobs) -> Opened:
    """Put a conversation with an attachment, and a large body, into a store."""
    blob = await blobs.put(b"a picture")
    one = Opened()
    attachment = Attachment(name="a.png", blob=blob, sha256=blob)
    message = msgspec.structs.replace(one.message, attachments=(attachment,))
    assert [None] == await store.commit([one.changes(messages=(message,))])
    await store.accept([values.arrival(BIG)])
    return one


@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
async def test_a_backup_under_load_is_whole(
    url: str, data: Path, tmp_path: Path, into: str, postgres: Postgres
) -> None:
    """Nothing acknowledged before the start is missing after the restore, and it opens and serves."""
    blobs, folder = FileBlobs(data / "blobs"), tmp_path / "backup"
    acknowledged: list[int] = []
    store = await open_store(url, blobs=blobs, clock=FixedClock())
    one = await fill(store, blobs)
    stop = asyncio.Event()

    async def load() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            body = BIG + str(number).encode() if number % 10 == 0 else b"y" * 500
            came = values.arrival(body)
            await store.accept([came])
            acknowledged.append(came.id)

    loading = [asyncio.create_task(load()) for _ in range(4)]
    while len(acknowledged) < 300:  # noqa: ASYNC110 - the load is not to wait for it
        await asyncio.sleep(0.01)
    before = set(acknowledged)
    made = await make_backup(url, folder, data=data, blobs=blobs, now=NOW)
    during = len(acknowledged) - len(before)
    stop.set()
    await asyncio.gather(*loading)
    await store.close()
    assert during > 0
    assert ("reply.key",) == made.keys
    place = tmp_path / "restored"
    target = f"sqlite:///{place / 'gateway.db'}" if into == "sqlite" else postgres.create_database()
    again = FileBlobs(place / "blobs")
    assert made == await restore_backup(folder, target, data=place, blobs=again)
    assert "k" * 64 == (place / "reply.key").read_text()
    restored = await open_store(target, blobs=again, clock=FixedClock())
    there: set[int] = set()
    after: dict[str, Mark] = {}
    while found := await restored.waiting_arrivals(after=after, limit=256, max_bytes=1 << 26):
        there |= {one.arrival.id for one in found}
        for one_waiting in found:
            arrival = one_waiting.arrival
            assert arrival.sha256 == hashlib.sha256(arrival.body).digest()
            after[flow_of(arrival.tenant, arrival.source_kind)] = one_waiting.mark
    assert set() == before - there
    [conversation] = await restored.conversations(None, ConversationFilter(), Cursor())
    assert one.conversation.id == conversation.id
    [message] = await restored.messages(None, conversation.id, after_seq=0, limit=9)
    assert b"a picture" == await again.read(message.attachments[0].blob)
    await restored.accept([values.arrival()])
    await restored.close()
    if into == "postgresql":
        postgres.drop_database(target)


async def backed_up(data: Path, folder: Path) -> str:
    """Make a small backup of a SQLite database and return that one's address."""
    url, blobs = f"sqlite:///{data / 'gateway.db'}", FileBlobs(data / "blobs")

    async def work(store: Store) -> None:
        await fill(store, blobs)

    await with_store(url, blobs, work)
    await make_backup(url, folder, data=data, blobs=blobs, now=NOW)
    return url


async def test_a_backup_replaces_nothing(data: Path, tmp_path: Path) -> None:
    """A folder that is there is left alone, and a failed backup leaves nothing behind."""
    url = await backed_up(data, tmp_path / "one")
    with pytest.raises(Refused, match="is there already"):
        await make_backup(url, tmp_path / "one", data=data, blobs=None, now=NOW)
    for blob in files_in(data / "blobs"):
        blob.unlink()
    with pytest.raises(StoreUnavailable, match="is not where the blobs are kept"):
        await make_backup(
            url, tmp_path / "two", data=data, blobs=FileBlobs(data / "blobs"), now=NOW
        )
    assert [] == files_in(tmp_path, "*two*")


async def test_a_restore_replaces_nothing(data: Path, tmp_path: Path) -> None:
    """A database that holds records is left alone, and so are keys that are there."""
    folder, place = tmp_path / "backup", tmp_path / "place"
    url = await backed_up(data, folder)
    with pytest.raises(Refused, match="holds records already"):
        await restore_backup(folder, url, data=data, blobs=FileBlobs(data / "blobs"))
    place.mkdir()
    (place / "reply.key").write_text("another one")
    target = f"sqlite:///{place / 'gateway.db'}"
    await restore_backup(folder, target, data=place, blobs=FileBlobs(place / "blobs"))
    assert "another one" == (place / "reply.key").read_text()
    assert not (place / ".restore").exists()


async def test_a_damaged_backup_is_refused(data: Path, tmp_path: Path) -> None:
    """A database or content that was changed is noticed, and nothing of it is served."""
    folder, place = tmp_path / "backup", tmp_path / "place"
    await backed_up(data, folder)
    target, blobs = f"sqlite:///{place / 'gateway.db'}", FileBlobs(place / "blobs")
    blob = files_in(folder / "blobs")[0]
    kept = blob.read_bytes()
    blob.write_bytes(b"changed")
    with pytest.raises(StoreUnavailable, match="is damaged"):
        await restore_backup(folder, target, data=place, blobs=blobs)
    blob.write_bytes(kept)
    database = folder / "gateway.db"
    content = bytearray(database.read_bytes())
    content[-1] ^= 1
    database.write_bytes(content)
    with pytest.raises(Refused, match="is not what the manifest says"):
        await restore_backup(folder, target, data=place, blobs=blobs)
    with pytest.raises(Refused, match="is no backup"):
        await restore_backup(tmp_path, target, data=place, blobs=blobs)


async def test_blobs_may_stay_where_they_are(data: Path, tmp_path: Path) -> None:
    """Then they are looked for there when it is restored, and missing ones are named."""
    url = await backed_up(data, tmp_path / "with")
    folder, blobs = tmp_path / "without", FileBlobs(data / "blobs")
    made = await make_backup(url, folder, data=data, blobs=None, now=NOW)
    assert (None, False) == (made.blobs, (folder / "blobs").exists())
    target = f"sqlite:///{tmp_path / 'place' / 'gateway.db'}"
    await restore_backup(folder, target, data=tmp_path / "place", blobs=blobs)
    other = f"sqlite:///{tmp_path / 'other' / 'gateway.db'}"
    with pytest.raises(Refused, match="neither in the backup nor where the blobs are kept"):
        await restore_backup(
            folder, other, data=tmp_path / "other", blobs=FileBlobs(tmp_path / "nowhere")
        )


async def test_an_older_schema_is_backed_up_and_restored(data: Path, tmp_path: Path) -> None:
    """The backup before a migration keeps the schema as it is; restoring brings it up to date."""
    path = data / "gateway.db"
    with sqlite3.connect(path) as connection:
        dump = Path(__file__).parent / "schemas" / "0001.sqlite.sql"
        connection.executescript(dump.read_text())
    connection.close()
    blobs, folder = FileBlobs(data / "blobs"), tmp_path / "backup"
    for content in (b"a picture", b"x" * 300_000):
        await blobs.put(content)
    made = await make_backup(f"sqlite:///{path}", folder, data=data, blobs=blobs, now=NOW)
    assert ("0001", 2) == (made.schema, made.blobs)
    assert {"gateway.db", "blobs", "manifest.json", "reply.key"} == {
        one.name for one in folder.iterdir()
    }
    place = tmp_path / "place"
    target = f"sqlite:///{place / 'gateway.db'}"
    await restore_backup(folder, target, data=place, blobs=FileBlobs(place / "blobs"))
    assert migrating.newest_schema() == await asyncio.to_thread(migrating.current_schema, target)


async def test_a_backup_of_a_newer_gateway_is_refused(data: Path, tmp_path: Path) -> None:
    """The words name what to install."""
    folder = tmp_path / "backup"
    await backed_up(data, folder)
    with sqlite3.connect(folder / "gateway.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["database"] = hashlib.sha256((folder / "gateway.db").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(SchemaMismatch, match="schema 9999, which this gateway does not know"):
        await restore_backup(
            folder, f"sqlite:///{tmp_path / 'x.db'}", data=tmp_path / "place",
            blobs=FileBlobs(tmp_path / "blobs"),
        )  # fmt: skip
