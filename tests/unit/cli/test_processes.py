from __future__ import annotations

import asyncio
import subprocess
import sys
import time

from gateway.app import opened
from gateway.core.assembly import read_assembly
from tests.unit.cli.town import Town


def real(town: Town, *args: str) -> subprocess.CompletedProcess[str]:
    """Start the command line anew, as a shell would."""
    command = [sys.executable, "-m", "gateway", *args]
    return subprocess.run(
        command, cwd=town.folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_process_of_its_own_does_the_same(town: Town) -> None:
    """What the other tests fork from a warm process is what a fresh one does."""
    for arguments in (["show", town.ids["conversation:tap"]], ["why", "nothing"]):
        done, told = real(town, *arguments), town.call(*arguments)
        assert (told.code, told.out, told.err) == (done.returncode, done.stdout, done.stderr)


def test_a_reader_that_leaves_is_no_fault(town: Town) -> None:
    """``gateway schema | head`` ends without a word on the standard error."""
    command = [sys.executable, "-m", "gateway", "schema"]
    with subprocess.Popen(
        command, cwd=town.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"" == process.stderr.read()
        assert 1 == process.wait(60)


async def test_a_running_gateway_notices(own_town: Town) -> None:
    """What the command line releases and says is worked on by a gateway that runs already."""
    assembly = read_assembly(own_town.folder / "gateway.toml")
    scam, tap = own_town.ids["arrival:scam"], own_town.ids["conversation:tap"]
    async with opened(assembly, own_town.folder) as gateway, gateway.running():
        released = await asyncio.to_thread(own_town.call, "quarantine", "replay", scam, "--release")
        assert 0 == released.code, released.err
        noted = await asyncio.to_thread(own_town.call, "note", tap, "Seen.", "--json")
        assert 0 == noted.code, noted.err
        deadline = time.monotonic() + 20
        while (await gateway.parts.store.counts()).arrivals_waiting:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
    shown = own_town.call("show", tap, "--json").json["messages"]
    assert ["Seen."] == [one["text"] for one in shown if one["audience"] == "internal"]
    why = own_town.call("why", scam, "--json").json
    assert "You are a winner" == why["message"]["text"]
