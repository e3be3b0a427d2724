"""Replays a trace and lays out the images that a power cut could leave at each of its moments."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tests.faults.trace import Call
from tests.faults.volume import Names, Volume


@dataclass(kw_only=True)
class World:
    """What everybody outside knew at a moment.

    Args:
        acknowledged: tokens of what the gateway had acknowledged.
        stored: key, ticket and text of what the ticket system had stored.
        sent: tokens of replies that customers' mail servers had taken.
    """

    acknowledged: set[str] = field(default_factory=set)
    stored: list[tuple[str, str, str]] = field(default_factory=list)
    sent: set[str] = field(default_factory=set)

    def hear(self, line: str) -> None:
        """Take in a line of the markers."""
        word, _, rest = line.partition(" ")
        if word == "ACK":
            self.acknowledged.add(rest)
        elif word == "STORED":
            self.stored.append(msgspec.json.decode(rest, type=tuple[str, str, str]))
        elif word == "SENT":
            self.sent.add(rest)


class Image:
    """The files of a data folder as a power cut at one moment could leave them.

    Args:
        dice: which part of what was not synced is there; None for none of it.
    """

    def __init__(self, volume: Volume, world: World, dice: random.Random | None) -> None:
        self.world, self._dice = world, dice
        self.names: Names = volume.names(dice)
        self._contents: dict[str, bytes] = {}

    def lay_out(self, root: Path, data: Path, *, everything: bool = False) -> None:
        """Write the files below ``data`` (all of them, or the database only) into a folder."""
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        for path, node in self.names.items():
            inside = Path(path).relative_to(data) if Path(path).is_relative_to(data) else None
            if inside is None or path.endswith("-shm"):
                continue
            if not everything and not inside.name.startswith("gateway.db"):
                continue
            target = root / inside
            if node.folder:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self._content(path))

    def read(self, path: str) -> bytes | None:
        """The content of one file; None if it is not there."""
        return self._content(path) if path in self.names else None

    def _content(self, path: str) -> bytes:
        if path not in self._contents:  # drawn once: one image is one state of the disk
            self._contents[path] = bytes(self.names[path].content(self._dice))
        return self._contents[path]


def moments(calls: Iterator[Call], volume: Volume, markers: Path) -> Iterator[World]:
    """Run through a trace; a step after each call that changed the disk or told the world."""
    world = World()
    for call in calls:
        if call.name == "write" and call.paths[:1] == (str(markers),):
            world.hear(call.texts[0].decode().rstrip("\n"))
            yield world
        elif volume.apply(call):
            yield world


def differences(volume: Volume, root: Path) -> list[str]:
    """Where the model's files are not those on the disk; the proof that nothing was overlooked."""
    real = {str(path) for path in root.rglob("*") if path.is_file() and volume.holds(path)}
    modelled = {path: node for path, node in volume.live.items() if not node.folder}
    faults = [f"unmodelled: {path} was written unseen" for path in sorted(real - set(modelled))]
    for path, node in modelled.items():
        if path not in real:
            faults.append(f"unmodelled: {path} is not there")
        elif node.written() != Path(path).read_bytes():
            faults.append(f"unmodelled: {path} holds something else")
    return faults
