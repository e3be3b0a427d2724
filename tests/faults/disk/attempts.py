"""Runs of the store in which one system call fails, and what became of what was acknowledged."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from gateway.domain.arrival import Arrival
from gateway.store.migrating import migrate
from gateway.store.rows import decode
from tests.faults.disk.storing import Outcome
from tests.faults.trace import SYNCS, command, read
from tests.faults.volume import Volume
from tests.promises.process import ROOT


class Plan(NamedTuple):
    """Which call fails, in the thread that writes the database or in the one that writes blobs."""

    call: str
    blobs: bool
    error: str

    def __str__(self) -> str:
        """What people read."""
        return f"{self.error} of {self.call} ({'blobs' if self.blobs else 'database'})"


PLANS = tuple(
    Plan(call, blobs, error)
    for call, blobs in (
        ("pwrite64", False), ("fdatasync", False), ("write", True), ("fsync", True),
    )
    for error in ("EIO", "ENOSPC")
)  # fmt: skip


class Attempt(NamedTuple):
    """One run and what was wrong with it."""

    outcome: Outcome
    faults: list[str]


def prepare(folder: Path) -> None:
    """Put an empty database into a folder, for all its runs."""
    migrate(f"sqlite:///{folder / 'template.db'}")


def count(folder: Path, plan: Plan) -> int:
    """How many such calls a run without a fault makes in the thread that matters."""
    trace = folder / "count"
    [outcome] = _serve(folder, plan, [0], command(trace, calls=[plan.call], longest=0))
    shutil.rmtree(outcome.folder)
    here = "".join(f"\\x{byte:02x}" for byte in outcome.folder.encode())
    threads: dict[str, int] = {}
    with trace.open() as lines:
        for line in lines:
            if here in line:
                thread = line.partition(" ")[0]
                threads[thread] = threads.get(thread, 0) + 1
    return max(threads.values())


def attempts(folder: Path, plan: Plan, faults: Sequence[int], last: int) -> Iterator[Attempt]:
    """Run the store once for each fault, and compare what is there with what was acknowledged."""
    inject = f"{plan.call}:error={plan.error}:when="
    if plan.call in SYNCS:
        # What an fsync did not write is still in memory: only the trace says what the disk holds.
        for fault in faults:
            trace = folder / "trace"
            [outcome] = _serve(
                folder, plan, [fault], command(trace, inject=f"{inject}{last}"), last
            )
            yield Attempt(outcome, _after_power_cut(outcome, trace))
            shutil.rmtree(outcome.folder, ignore_errors=True)
        return
    tracing = command("/dev/null", calls=[plan.call], longest=0, inject=f"{inject}{last}")
    for outcome in _serve(folder, plan, faults, tracing, last):
        here = Path(outcome.folder)
        yield Attempt(outcome, _missing(outcome, here / "gateway.db", _reader(here)))
        shutil.rmtree(here, ignore_errors=True)


def _serve(
    folder: Path, plan: Plan, faults: Sequence[int], tracing: Sequence[str], last: int = 0
) -> Iterator[Outcome]:
    for fault in faults:
        (folder / str(fault)).mkdir()
        shutil.copy(folder / "template.db", folder / str(fault) / "gateway.db")
    program = [sys.executable, "-m", "tests.faults.disk.storing", str(folder)]
    options = ["--call", plan.call, "--last", str(last), *(["--blobs"] if plan.blobs else [])]
    with subprocess.Popen(
        [*tracing, *program, *options], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(f"{fault}\n" for fault in faults).encode())
        process.stdin.close()
        for line in process.stdout:
            yield msgspec.json.decode(line, type=Outcome)


def _after_power_cut(outcome: Outcome, trace: Path) -> list[str]:
    """What is missing once everything is lost that no fsync wrote."""
    here = Path(outcome.folder)
    volume = Volume(here, ignored=lambda path: path.endswith("-shm"))
    volume.hold(here / "gateway.db", (here.parent / "template.db").read_bytes())
    with trace.open() as lines:
        for call in read(lines):
            volume.apply(call)
    names = volume.names()
    image = here / "image"
    image.mkdir()
    for path, node in names.items():
        if Path(path).name.startswith("gateway.db"):
            (image / Path(path).name).write_bytes(node.content())

    def blob(name: str) -> bytes | None:
        path = str(here / "blobs" / name[:2] / name[2:4] / name)
        return bytes(names[path].content()) if path in names else None

    return _missing(outcome, image / "gateway.db", blob)


def _reader(here: Path) -> Callable[[str], bytes | None]:
    def blob(name: str) -> bytes | None:
        path = here / "blobs" / name[:2] / name[2:4] / name
        return path.read_bytes() if path.exists() else None

    return blob


def _missing(outcome: Outcome, database: Path, blob: Callable[[str], bytes | None]) -> list[str]:
    """What was acknowledged and is not there, or is not what it was."""
    if outcome.ended == "crashed":
        return [f"crashed: with the fault at call {outcome.fault}"]
    try:
        with closing(sqlite3.connect(database)) as base:
            [checked] = base.execute("PRAGMA integrity_check").fetchone()
            arrivals = {
                identifier
                for identifier, doc, body, name in base.execute(
                    "SELECT id, doc, body, blob FROM arrival"
                )
                if hashlib.sha256((blob(name) or b"") if name else body).digest()
                == decode(doc, Arrival).sha256
            }
            messages = {row[0] for row in base.execute("SELECT message FROM delivery")}
            settled = {
                row[0] for row in base.execute("SELECT id FROM delivery WHERE state = 'delivered'")
            }
    except sqlite3.DatabaseError as error:
        return [f"corrupt: {error}"]
    faults = [] if checked == "ok" else [f"corrupt: {checked}"]
    for kind, told, there in (
        ("arrival", outcome.arrivals, arrivals), ("message", outcome.messages, messages),
        ("settled delivery", outcome.settled, settled),
    ):  # fmt: skip
        lost = set(told) - there
        if lost:
            faults.append(f"lost: {len(lost)} of {kind}, fault at call {outcome.fault}")
    return faults
