"""A process that has the gateway's code in memory and forks a real process for every command.

Reading the code takes longer than running it. A test that restarts the gateway fifty times starts
this once; each line on its standard input asks for one thing, each line on its output answers:

    {"argv": […], "cwd": …, "log": …, "environment": {…}, "limits": {"RLIMIT_…": …}}  →  {"pid": …}
    {"wait": pid}                                                             →  {"code": …}

What it forks is a process like any other: with its own memory, descriptors and process group.
The first argument may name a sabotage (`tests.promises.sabotage.builds`), done before any fork.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

PARENT_DEATH_SIGNAL = 1  # prctl(2)
PRELOADED = (
    "gateway.app", "gateway.cli.run", "gateway.cli.root", "gateway.cli.why", "gateway.cli.replay",
    "gateway.cli.quarantine", "gateway.cli.merge", "gateway.cli.unmerge", "gateway.cli.show",
    "gateway.cli.conversations", "gateway.core.rerunning",
    "gateway_email", "gateway_email.channel", "gateway_desk", "gateway_desk.backend",
    "gateway_webhook", "gateway_webhook.backend",
)  # fmt: skip


def _preload(sabotage: str) -> None:
    for name in PRELOADED:
        import_module(name)
    from gateway.core.languages import warm_up

    warm_up()
    if sabotage:
        from tests.promises.sabotage.builds import BUILDS

        BUILDS[sabotage]()


def _fork(order: dict[str, Any]) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child:
        with suppress(OSError):
            os.setpgid(child, child)
        return child
    code = 70
    try:
        code = _run(order)
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _run(order: dict[str, Any]) -> int:
    os.setpgid(0, 0)
    # A process that is killed cleans up nothing: the kernel ends this one with the launcher.
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDONLY)
    out = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    err = out
    if "errors" in order:
        err = os.open(order["errors"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, descriptor in enumerate((nothing, out, err)):
        os.dup2(descriptor, number)
    os.closerange(3, 64)
    os.chdir(order["cwd"])
    os.environ.update(order.get("environment", {}))
    for name, value in order.get("limits", {}).items():
        resource.setrlimit(getattr(resource, name), (value, value))
    from gateway.cli.root import run

    try:
        return run(order["argv"])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1


def main() -> None:
    """Serve until standard input ends; then nothing that was forked is left behind."""
    _preload(sys.argv[1] if len(sys.argv) > 1 else "")
    print(json.dumps({"ready": os.getpid()}), flush=True)
    children: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            children.discard(order["wait"])
            print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)
        else:
            child = _fork(order)
            children.add(child)
            print(json.dumps({"pid": child}), flush=True)
    for child in children:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
