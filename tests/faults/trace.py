"""Reads what strace wrote: the system calls of a process and all its threads and children."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

FILE_CALLS = (
    "openat", "creat", "pwrite64", "pwritev", "write", "writev", "ftruncate", "truncate",
    "fallocate", "copy_file_range", "fsync", "fdatasync", "rename", "renameat", "renameat2",
    "unlink", "unlinkat", "link", "linkat", "mkdir", "mkdirat", "rmdir", "lseek", "chdir",
)  # fmt: skip
SYNCS = ("fsync", "fdatasync")
_LONGEST = 1 << 26
_WHOLE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)")
_BEGUN = re.compile(r"^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_DESCRIPTOR = re.compile(r"(?:-?\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>")


class Call(NamedTuple):
    """One system call that succeeded, or an fsync that failed.

    Args:
        order: the line on which it ended.
        texts: its strings.
        paths: what its descriptors stand for.
        rest: all its arguments as strace wrote them.
    """

    order: int
    name: str
    texts: tuple[bytes, ...]
    paths: tuple[str, ...]
    rest: str
    result: int

    def number(self, place: int) -> int:
        """A numeric argument, counted from the end."""
        return int(self.rest.rsplit(",", -place)[place])


def command(
    trace: Path | str, *, calls: Sequence[str] = FILE_CALLS, longest: int = _LONGEST,
    inject: str = "",
) -> list[str]:  # fmt: skip
    """The command that writes a trace of the one that follows it.

    Args:
        longest: how many bytes of a text are told.
        inject: a fault, as ``CALL:error=EIO:when=7``; calls are counted for each thread by itself.
    """
    strace = shutil.which("strace")
    if strace is None:
        raise FileNotFoundError("strace is not installed: apt-get install strace")
    return [
        strace, "-f", "--seccomp-bpf", "-y", "-xx", "-s", str(longest), "-o", str(trace),
        "-e", f"trace={','.join(calls)}", "-e", "signal=none",
        *(("-e", f"inject={inject}") if inject else ()),
    ]  # fmt: skip


def read(lines: Iterable[str]) -> Iterator[Call]:
    """The calls that succeeded, and syncs that failed, in the order in which they ended."""
    begun: dict[str, str] = {}
    for order, line in enumerate(lines):
        if found := _BEGUN.match(line):
            begun[found[1]] = found[3]
            continue
        if found := _WHOLE.match(line):
            arguments = found[3]
        elif found := _RESUMED.match(line):
            arguments = begun.pop(found[1], "") + found[3]
        else:
            continue
        result = int(found[4])
        if result >= 0 or found[2] in SYNCS:
            yield _call(order, found[2], arguments, result)


def _call(order: int, name: str, arguments: str, result: int) -> Call:
    texts = []
    for text, cut in _TEXT.findall(arguments):
        if cut:
            raise ValueError(f"line {order}: strace cut what {name} wrote")
        texts.append(_bytes(text))
    paths = tuple(_bytes(path).decode() for path in _DESCRIPTOR.findall(arguments))
    return Call(order, name, tuple(texts), paths, arguments, result)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
