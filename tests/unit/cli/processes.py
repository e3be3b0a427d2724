"""Calls of the command line, each in a process of its own that need not import everything anew.

They are forked from a server that has imported the gateway once; what such a process does is what
``python -m gateway`` does, with its own folder, environment, standard streams and exit code.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 60
_PRELOADED = (
    "gateway.__main__", "gateway.app", "gateway.store.opening", "gateway.store.backup",
    "gateway.cli.check", "gateway.cli.conversations", "gateway.cli.dead_letters", "gateway.cli.db",
    "gateway.cli.quarantine", "gateway.cli.replay", "gateway.cli.show", "gateway.cli.why",
    "gateway.core.rerunning", "gateway.web.shapes.decision", "gateway.web.shapes.conversation",
    "gateway_desk.commands", "rich.console", "rich.table", "sqlalchemy.dialects.sqlite",
)  # fmt: skip


@dataclass
class Told:
    """What a call of the command line did."""

    code: int | None
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err)["error"]


def call(
    arguments: tuple[str, ...], *, folder: Path, given: bytes, variables: dict[str, str]
) -> Told:
    """Call the command line in a process of its own and wait for its end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    with tempfile.TemporaryDirectory() as place:
        streams = [Path(place, name) for name in ("in", "out", "err")]
        for stream in streams:
            stream.write_bytes(given if stream.name == "in" else b"")
        process = context.Process(target=_main, args=(arguments, folder, streams, variables))
        process.start()
        process.join(SECONDS)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
        process.close()
        return Told(code, *(stream.read_text() for stream in streams[1:]))


def _main(
    arguments: tuple[str, ...], folder: Path, streams: list[Path], variables: dict[str, str]
) -> None:
    for number, stream in enumerate(streams):
        os.dup2(os.open(stream, os.O_WRONLY if number else os.O_RDONLY), number)
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith(("GATEWAY", "_GATEWAY", "COMP_"))]:
        del os.environ[name]
    os.environ.update(variables)
    sys.argv = ["gateway", *arguments]
    from gateway.__main__ import main

    main()
