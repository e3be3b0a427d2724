"""A model of a disk that forgets: what is durable, and what a power cut may take away.

The promise of POSIX and nothing beyond it. What was written to a file is durable after an fsync of
the file; until then each 512-byte sector of it may be there or not. A name in a folder is durable
after an fsync of the folder, whatever was synced in the file. Names change in their order. What an
fsync failed to write is never durable, even if the next fsync says so.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.trace import Call

SECTOR = 512
_UNMODELLED = ("pwritev", "writev", "fallocate", "copy_file_range", "truncate", "creat")


@dataclass(eq=False)
class Write:
    """Bytes written at a place, or a new length."""

    at: int
    data: bytes | None

    def apply(self, content: bytearray) -> None:
        """Do it to a content."""
        if self.data is None:
            del content[self.at :]
            content.extend(bytes(self.at - len(content)))
            return
        if len(content) < self.at:
            content.extend(bytes(self.at - len(content)))
        content[self.at : self.at + len(self.data)] = self.data

    def torn(self, dice: random.Random) -> Iterator[Write]:
        """Some of its sectors."""
        if self.data is None:
            yield self
            return
        for start in range(0, len(self.data), SECTOR):
            if dice.random() < 0.5:
                yield Write(self.at + start, self.data[start : start + SECTOR])


@dataclass(eq=False)
class Node:
    """A file, or a folder, apart from its name.

    Args:
        version: grows with whatever becomes durable.
    """

    folder: bool = False
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write] = field(default_factory=list)
    position: int = 0
    version: int = 0

    def sync(self) -> None:
        """Make what was written durable."""
        for write in self.pending:
            write.apply(self.durable)
        self.version += bool(self.pending)
        self.pending = []

    def fail(self) -> None:
        """Forget what was written, as Linux does when an fsync fails: the next one says all is well."""
        self.pending = []

    def content(self, dice: random.Random | None = None) -> bytearray:
        """What is left after a power cut: nothing that was not synced, or a random part of it."""
        content = bytearray(self.durable)
        if dice is not None:
            for write in self.pending:
                chance = dice.random()
                if chance < 0.4:
                    write.apply(content)
                elif chance < 0.7:
                    for part in write.torn(dice):
                        part.apply(content)
        return content

    def written(self) -> bytearray:
        """What a program reads that runs on."""
        content = bytearray(self.durable)
        for write in self.pending:
            write.apply(content)
        return content


Names = dict[str, Node]


@dataclass(eq=False)
class Rename:
    """A name that came or went: from nowhere, to nowhere, or from one to the other."""

    old: str
    new: str
    node: Node

    def apply(self, names: Names) -> None:
        """Do it to a folder's names."""
        if self.old:
            names.pop(self.old, None)
        if self.new:
            names[self.new] = self.node

    def folders(self) -> set[str]:
        """The folders whose fsync makes it durable."""
        return {str(Path(path).parent) for path in (self.old, self.new) if path}


class Volume:
    """What the calls of a trace did to the files below a folder.

    Args:
        root: a folder that is there, durably, before the trace begins.
        ignored: whether a path is of no interest.
    """

    def __init__(self, root: Path, *, ignored: Callable[[str], bool] = lambda path: False) -> None:
        self._root, self._ignored = str(root), ignored
        self._cwd = self._root
        self.live: Names = {}
        self._names: Names = {}
        self._pending: list[Rename] = []

    def hold(self, path: Path, content: bytes) -> None:
        """Hold a file that was there, durably, before the trace began."""
        self.live[str(path)] = self._names[str(path)] = Node(durable=bytearray(content))

    def holds(self, path: Path) -> bool:
        """Whether a path is one that it looks at."""
        return self._here(str(path))

    def apply(self, call: Call) -> bool:
        """Take one call; whether it changed anything here."""
        if call.name == "chdir":
            self._cwd = self._path(call.texts[0])
            return False
        act = getattr(self, f"_{call.name}", None)
        if act is not None:
            return bool(act(call))
        named = call.paths or self._paths(call)
        if call.name in _UNMODELLED and any(map(self._here, named)):
            raise NotImplementedError(f"line {call.order}: {call.name} is not modelled")
        return False

    def names(self, dice: random.Random | None = None) -> Names:
        """The files that a power cut leaves, by path: those of durable names, or some more."""
        names = dict(self._names)
        if dice is not None:
            for change in self._pending:
                if dice.random() < 0.5:
                    change.apply(names)
        return {path: node for path, node in names.items() if self._reached(path, names)}

    def _reached(self, path: str, names: Names) -> bool:
        parents = [str(parent) for parent in Path(path).parents]
        return all(parent in names for parent in parents[: parents.index(self._root)])

    def _here(self, path: str) -> bool:
        return path.startswith(f"{self._root}/") and not self._ignored(path)

    def _path(self, text: bytes) -> str:
        return str(Path(self._cwd, text.decode()))

    def _paths(self, call: Call) -> list[str]:
        """Every path that a call names, with the folders that it counts them from."""
        if len(call.paths) >= len(call.texts) > 0:
            return [
                str(Path(folder, text.decode()))
                for folder, text in zip(call.paths, call.texts, strict=False)
            ]
        return [self._path(text) for text in call.texts]

    def _change(self, old: str, new: str, node: Node) -> bool:
        change = Rename(old, new, node)
        change.apply(self.live)
        self._pending.append(change)
        return True

    def _openat(self, call: Call) -> bool:
        [path] = self._paths(call)[:1]
        if not self._here(path):
            return False
        node = self.live.get(path)
        if node is None:
            return "O_CREAT" in call.rest and self._change("", path, Node())
        node.position = len(node.written()) if "O_APPEND" in call.rest else 0
        if "O_TRUNC" in call.rest:
            node.pending.append(Write(0, None))
            return True
        return False

    def _pwrite64(self, call: Call) -> bool:
        return self._write_at(call, call.number(-1))

    def _write(self, call: Call) -> bool:
        node = self.live.get(call.paths[0]) if call.paths else None
        if node is None:
            return False
        changed = self._write_at(call, node.position)
        node.position += call.result
        return changed

    def _write_at(self, call: Call, at: int) -> bool:
        node = self.live.get(call.paths[0]) if call.paths else None
        if node is None:
            return False
        node.pending.append(Write(at, call.texts[0][: call.result]))
        return True

    def _lseek(self, call: Call) -> bool:
        node = self.live.get(call.paths[0])
        if node is not None:
            node.position = call.result
        return False

    def _ftruncate(self, call: Call) -> bool:
        node = self.live.get(call.paths[0])
        if node is None:
            return False
        node.pending.append(Write(call.number(-1), None))
        return True

    def _fsync(self, call: Call) -> bool:
        path = call.paths[0]
        if path != self._root and path not in self.live:
            return False
        node = self.live.get(path)
        if call.result < 0:
            if node is not None:
                node.fail()
            return True
        if node is not None:
            node.sync()
        kept = []
        for change in self._pending:
            if path in change.folders():
                change.apply(self._names)
            else:
                kept.append(change)
        self._pending = kept
        return True

    _fdatasync = _fsync

    def _rename(self, call: Call) -> bool:
        old, new = self._paths(call)[:2]
        if not (self._here(old) or self._here(new)):
            return False
        node = self.live.get(old)
        if node is None or node.folder or Path(old).parent != Path(new).parent:
            raise NotImplementedError(f"line {call.order}: {old} became {new}")
        return self._change(old, new, node)

    _renameat = _renameat2 = _rename

    def _link(self, call: Call) -> bool:
        old, new = self._paths(call)[:2]
        return self._here(new) and self._change("", new, self.live[old])

    _linkat = _link

    def _unlink(self, call: Call) -> bool:
        [path] = self._paths(call)[:1]
        return path in self.live and self._change(path, "", self.live[path])

    _unlinkat = _rmdir = _unlink

    def _mkdir(self, call: Call) -> bool:
        [path] = self._paths(call)[:1]
        return self._here(path) and self._change("", path, Node(folder=True))

    _mkdirat = _mkdir
