"""A plugin made outside of this repository, installed by pip, in a gateway of its own process."""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import signal
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
TOKEN = "an-operator-s-token"
KEY = "a key that both sides know"
SECONDS = 20.0


async def succeed(*command: str, **options: Any) -> str:
    """Run a program that has to succeed; what it says."""
    process = await create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, **options)
    out, err = await process.communicate()
    assert 0 == process.returncode, (out + err).decode()
    return out.decode()


@pytest.fixture
async def installed(tmp_path: Path) -> Path:
    """The plugin as pip installs it: built from a copy of its folder into a folder of its own."""
    target = tmp_path / "site"
    await succeed(
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--no-build-isolation", "--no-index", "--target", str(target), str(EXAMPLE),
    )  # fmt: skip
    return target


def environment(*folders: Path) -> dict[str, str]:
    """Let Python find what was installed."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}


@asynccontextmanager
async def running(installed: Path, folder: Path, config: str) -> AsyncIterator[str]:
    """Run a gateway in a process of its own and give its address."""
    (folder / "gateway.toml").write_text(config)
    process = await create_subprocess_exec(
        sys.executable, "-m", "gateway", "run", cwd=folder, stderr=PIPE,
        env=environment(installed),
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            yield await address(process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        _, said = await process.communicate()
    assert 0 == process.returncode, said.decode()


async def address(process: Process) -> str:
    """Read the log until the gateway says where it listens."""
    assert process.stderr is not None
    lines = []
    while line := await process.stderr.readline():
        lines.append(line.decode())
        if line.startswith(b"{") and (ready := json.loads(line)).get("event") == "gateway.ready":
            return str(ready["address"])
    raise AssertionError(f"it did not start: {''.join(lines)}")


async def until(condition: Callable[[], Awaitable[Any]]) -> Any:
    """Ask again and again until the answer is true."""
    async with asyncio.timeout(SECONDS):
        while True:
            if answer := await condition():
                return answer
            await asyncio.sleep(0.02)


async def test_a_third_party_plugin_works_end_to_end(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chat message becomes a ticket, and the agent's reply comes back, through real sockets."""
    monkeypatch.syspath_prepend(str(installed))
    doubles = runpy.run_path(str(EXAMPLE / "tests" / "services.py"))
    async with doubles["serving"]() as services:
        config = f"""
[gateway]
log_format = "json"
[web]
listen = "127.0.0.1:0"
[api.tokens.ops]
token = "{TOKEN}"
scopes = ["read", "reply"]
[plugins.example]
required = true
[channels.chat]
type = "example-chat"
url = "{services.url}"
key = "{KEY}"
[backends.tickets]
type = "example-tickets"
url = "{services.url}"
key = "{KEY}"
"""
        bearer = {"authorization": f"Bearer {TOKEN}"}
        async with running(installed, tmp_path, config) as url, aiohttp.ClientSession() as http:
            chat = {"id": "1", "room": "kitchen", "sender": "ann", "text": "The tap drips."}
            body = json.dumps(chat).encode()
            signed = {"x-signature": doubles["signature"](doubles["KEY"], body)}
            for headers, status in (({}, 401), (signed, 202), (signed, 202)):
                async with http.post(
                    f"{url}/in/chat/messages", data=body, headers=headers
                ) as taken:
                    assert status == taken.status
            await until(services.made)
            async with http.get(f"{url}/api/v1/conversations", headers=bearer) as answer:
                assert 200 == answer.status
                [conversation] = (await answer.json())["items"]
            async with http.post(
                f"{url}/api/v1/conversations/{conversation['id']}/replies",
                json={"text": "A plumber is on his way."}, headers=bearer,
            ) as said:  # fmt: skip
                assert 202 == said.status
            await until(services.spoken)
            await until(lambda: more_than(1, services.made))
    assert ["The tap drips."] == [ticket["text"] for ticket in services.tickets.values()]
    assert ["A plumber is on his way."] == [entry["text"] for entry in services.entries.values()]
    assert [("kitchen", "A plumber is on his way.")] == [
        (said["room"], said["text"]) for said in services.said.values()
    ]


async def more_than(floor: int, count: Callable[[], Awaitable[int]]) -> bool:
    """Whether there are more than so many."""
    return await count() > floor


async def test_its_own_tests_pass(installed: Path, tmp_path: Path) -> None:
    """The suite that the example ships, with the kit, against what pip installed."""
    await succeed(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE / "tests"),
        "--override-ini", f"pythonpath={EXAMPLE / 'tests'}", "--rootdir", str(EXAMPLE),
        cwd=tmp_path, env=environment(installed),
    )  # fmt: skip
