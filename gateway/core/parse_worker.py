"""The worker process of `ParserPool`: reads requests from stdin, writes answers to stdout."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import struct
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import BinaryIO

import msgspec

from gateway.core.readings import read, without_parser

LENGTHS = struct.Struct(">QQ")  # of a request: of the pickle, and of the body behind it
LENGTH = struct.Struct(">Q")  # of an answer


def _read(stream: BinaryIO, size: int) -> bytes | None:
    data = stream.read(size)
    return data if len(data) == size else None


def _answer(request: bytes, body: bytes) -> bytes:
    try:
        parser, arrival = pickle.loads(request)  # noqa: S301 - from our own parent process
    except Exception as error:
        return without_parser(error)
    return read(parser, msgspec.structs.replace(arrival, body=body))


class PluginFiles:
    """Finds the modules of plugin files, which lie in no folder of the import path.

    Args:
        files: by the module's name.
    """

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find one of them."""
        file = self._files.get(name)
        return None if file is None else spec_from_file_location(name, file)


def main() -> None:
    """Serve until stdin closes.

    The first argument says how many bytes of address space it may have, the others are
    ``module=file`` of plugin files.
    """
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    pairs = (argument.partition("=") for argument in sys.argv[2:])
    sys.meta_path.append(PluginFiles({name: file for name, _, file in pairs}))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    source = os.fdopen(0, "rb", closefd=False)
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing a parser prints may get between the frames
    while (head := _read(source, LENGTHS.size)) is not None:
        size, body_size = LENGTHS.unpack(head)
        request, body = _read(source, size), _read(source, body_size)
        if request is None or body is None:
            return
        answer = _answer(request, body)
        sink.write(LENGTH.pack(len(answer)))
        sink.write(answer)
        sink.flush()


if __name__ == "__main__":
    main()
