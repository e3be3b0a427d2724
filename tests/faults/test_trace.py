"""A trace tells what a process did to its files, in order, whatever ran beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.power.replaying import differences
from tests.faults.trace import command, read
from tests.faults.volume import Volume
from tests.servers.skipping import require

PROGRAM = """
import os, sqlite3, sys, threading
from pathlib import Path
here = Path(sys.argv[1]) / "deep"
here.mkdir()
def insert():
    base = sqlite3.connect(here / "a.db", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("CREATE TABLE t (n)")
    for number in range(300):
        base.execute("INSERT INTO t VALUES (?)", (str(number) * 500,))
def rename():
    for number in range(50):
        path = here / f".{number}"
        with path.open("wb") as file:
            file.write(b"x" * number)
            file.flush()
            os.fsync(file.fileno())
        path.rename(here / str(number % 7))
    os.chdir(here)
    os.link("1", "one")
    os.unlink("2")
threads = [threading.Thread(target=one) for one in (insert, rename)]
[one.start() for one in threads]
[one.join() for one in threads]
"""


def test_a_call_that_another_one_interrupted_is_put_together() -> None:
    """What strace tells in two lines is one call, at the place where it ended."""
    lines = [
        r'7 pwrite64(3<\x2f\x61>, "\x31\x32", 2, 512 <unfinished ...>',
        r"8 fsync(4<\x2f\x62>) = 0",
        r"8 fsync(4<\x2f\x62>) = -1 EIO (Input/output error)",
        r"7 <... pwrite64 resumed>)              = 2",
    ]
    first, failed, second = read(lines)
    assert ("fsync", ("/b",), 0) == (first.name, first.paths, first.result)
    assert ("fsync", ("/b",), -1) == (failed.name, failed.paths, failed.result)
    assert ("pwrite64", ("/a",), (b"12",)) == (second.name, second.paths, second.texts)
    assert (512, 2) == (second.number(-1), second.number(-2))


def test_a_text_that_was_cut_is_refused() -> None:
    """A replay of half a write would prove nothing."""
    with pytest.raises(ValueError, match="cut"):
        list(read([r'7 write(3<\x2f\x61>, "\x31"..., 2) = 2']))


def test_the_model_follows_a_real_process(tmp_path: Path) -> None:
    """After a run of two threads the modelled files are byte for byte those on the disk."""
    require("strace")
    trace, root = tmp_path / "trace", tmp_path / "root"
    root.mkdir()
    subprocess.run(
        [*command(trace), sys.executable, "-c", PROGRAM, str(root)], check=True, timeout=60
    )
    volume = Volume(root, ignored=lambda path: path.endswith("-shm"))
    with trace.open() as lines:
        changed = sum(volume.apply(call) for call in read(lines))
    assert changed > 500
    assert {"deep", "a.db", "one", "1"} <= {Path(path).name for path in volume.live}
    assert [] == differences(volume, root)
