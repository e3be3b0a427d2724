"""The model of a disk loses just what POSIX allows it to lose."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.trace import Call
from tests.faults.volume import SECTOR, Names, Volume

ROOT = Path("/data")
DB = "/data/a.db"


def call(name: str, *texts: str | bytes, on: str = "", rest: str = "", result: int = 0) -> Call:
    """A call as the trace tells it."""
    data = tuple(text.encode() if isinstance(text, str) else text for text in texts)
    return Call(0, name, data, (on,) if on else (), rest, result)


def create(path: str) -> Call:
    """A file is made."""
    return call("openat", path, on="/", rest="O_RDWR|O_CREAT", result=3)


def write(path: str, data: bytes, at: int) -> Call:
    """Bytes are written at a place."""
    rest = f'3<>, "", {len(data)}, {at}'
    return call("pwrite64", data, on=path, rest=rest, result=len(data))


def volume(*calls: Call) -> Volume:
    """A disk after some calls."""
    made = Volume(ROOT)
    for one in calls:
        made.apply(one)
    return made


def contents(names: Names, dice: random.Random | None = None) -> dict[str, bytes]:
    """What the files hold."""
    return {path: bytes(node.content(dice)) for path, node in names.items()}


def test_what_was_not_synced_is_lost() -> None:
    """Bytes written after the last fsync of their file are not there after the cruellest cut."""
    disk = volume(
        create(DB), write(DB, b"one", 0), call("fsync", on=DB), call("fsync", on="/data"),
        write(DB, b"two", 3),
    )  # fmt: skip
    assert {DB: b"one"} == contents(disk.names())
    assert b"onetwo" == disk.live[DB].written()


def test_a_synced_file_without_a_synced_name_is_lost() -> None:
    """An fsync of a file says nothing of its name; one of its folder does."""
    disk = volume(create(DB), write(DB, b"one", 0), call("fsync", on=DB))
    assert {} == disk.names()
    disk.apply(call("fsync", on="/data"))
    assert {DB: b"one"} == contents(disk.names())


def test_a_file_in_a_folder_without_a_synced_name_is_lost() -> None:
    """Every folder on the way has to be synced by the one above it."""
    path = "/data/deep/a"
    disk = volume(
        call("mkdir", "/data/deep"), create(path), call("fsync", on=path),
        call("fsync", on="/data/deep"),
    )  # fmt: skip
    assert {} == disk.names()
    disk.apply(call("fsync", on="/data"))
    assert {"/data/deep", path} == set(disk.names())


def test_a_folder_that_was_taken_back_is_gone() -> None:
    """One that is made again has a name of its own to be synced."""
    disk = volume(
        call("mkdir", "/data/deep"), call("rmdir", "/data/deep"), call("fsync", on="/data")
    )
    assert {} == disk.names()
    disk.apply(call("mkdir", "/data/deep"))
    assert {} == disk.names()
    disk.apply(call("fsync", on="/data"))
    assert {"/data/deep"} == set(disk.names())


def test_a_new_name_is_durable_with_its_folder_only() -> None:
    """Until then the old name is there, or the new one, and with luck what was synced in it."""
    disk = volume(
        create("/data/.new"), write("/data/.new", b"x", 0), call("fsync", on="/data/.new"),
        call("fsync", on="/data"), call("rename", "/data/.new", "/data/new"),
    )  # fmt: skip
    assert {"/data/.new": b"x"} == contents(disk.names())
    seen = {tuple(disk.names(random.Random(seed))) for seed in range(20)}
    assert {("/data/.new",), ("/data/new",)} == seen
    disk.apply(call("fsync", on="/data"))
    assert {"/data/new": b"x"} == contents(disk.names())


def test_a_write_is_torn_between_sectors_only() -> None:
    """Each sector of a write that was not synced is there whole, or not at all."""
    disk = volume(create(DB), call("fsync", on="/data"), write(DB, b"x" * SECTOR * 4, 0))
    seen = set()
    for seed in range(200):
        content = disk.live[DB].content(random.Random(seed)).ljust(SECTOR * 4, b"\0")
        parts = [bytes(content[at : at + SECTOR]) for at in range(0, SECTOR * 4, SECTOR)]
        assert set(parts) <= {b"x" * SECTOR, bytes(SECTOR)}
        seen.add(tuple(part[:1] for part in parts))
    assert len(seen) > 8


def test_a_shorter_length_may_be_lost() -> None:
    """A truncation is a write like any other."""
    disk = volume(
        create(DB), write(DB, b"123456", 0), call("fsync", on=DB), call("fsync", on="/data"),
        call("ftruncate", on=DB, rest="3<>, 2"),
    )  # fmt: skip
    assert {DB: b"123456"} == contents(disk.names())
    disk.apply(call("fdatasync", on=DB))
    assert {DB: b"12"} == contents(disk.names())


def test_what_the_model_does_not_know_is_refused() -> None:
    """A call that it would overlook stops the replay instead of making it prove too much."""
    with pytest.raises(NotImplementedError, match="fallocate"):
        volume(create(DB), call("fallocate", on=DB, rest="3<>, 0, 0, 4096"))
