"""What plugins bring when the gateway starts: each hook by the example of its documentation."""

from __future__ import annotations

import json
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from pathlib import Path

import aiohttp

from tests.unit.hooks_live.stage import Stage, example, staged

TOKEN = "a token of some length"


async def get(stage: Stage, path: str, **headers: str) -> tuple[int, str]:
    """Ask the gateway's web server."""
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(stage.running.url + path) as answer,
    ):
        return answer.status, await answer.text()


async def run_command(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the command line on the config of a gateway that ran here."""
    process = await create_subprocess_exec(
        sys.executable, "-m", "gateway", *arguments, cwd=folder, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    return process.returncode or 0, (out + err).decode()


async def test_hook_register_channels(tmp_path: Path) -> None:
    """A plugin's channel takes in by its own route, and only from whom it knows."""
    more = f'[channels.board]\ntype = "notes"\ntoken = "{TOKEN}"'
    async with staged(tmp_path, example("register_channels"), more=more) as stage:
        url = f"{stage.running.url}/in/board/notes"
        note = {"id": "1", "sender": "ann", "text": "The tap drips."}
        async with aiohttp.ClientSession() as session:
            async with session.post(url, json=note) as refused:
                assert 401 == refused.status
            headers = {"authorization": f"Bearer {TOKEN}"}
            async with session.post(url, json=note, headers=headers) as taken:
                assert 202 == taken.status
        [forward] = await stage.forwarded()
        assert ("board", "The tap drips.") == (forward.channel, forward.text)


async def test_hook_register_backends(tmp_path: Path) -> None:
    """A plugin's backend gets the message and keeps it in its own state."""
    more = '[backends.book]\ntype = "notebook"\n[[routing]]\nbackends = ["book"]'
    async with staged(tmp_path, example("register_backends"), more=more) as stage:
        await stage.say("The tap drips.")
        book = stage.running.gateway.parts.backends["book"]

        async def pages() -> list[object]:
            return [stored.value for _, stored in await book.context.state.list("page/")]

        assert [["The tap drips."]] == await stage.running.until(pages)


async def test_hook_register_commands(tmp_path: Path) -> None:
    """A plugin's command is a command of the gateway."""
    async with staged(tmp_path, example("register_commands")):
        pass
    assert (0, "Hello Ann!\n") == await run_command(tmp_path, "hello", "Ann")


async def test_hook_register_routes(tmp_path: Path) -> None:
    """A plugin's route is answered below its name, with the plugin's own settings."""
    token = f'token = "{TOKEN}"'
    async with staged(tmp_path, example("register_routes"), token) as stage:
        path = "/plugins/mine/shops/north"
        assert 401 == (await get(stage, path))[0]
        assert (200, "north is open") == await get(stage, path, authorization=f"Bearer {TOKEN}")


async def test_hook_register_console_pages(tmp_path: Path) -> None:
    """A plugin's page is shown in the console's frame, with what people wrote escaped."""
    async with staged(tmp_path, example("register_console_pages")) as stage:
        status, page = await get(stage, "/pages/mine/morning?name=%3Cb%3EAnn")
        assert 200 == status
        assert "<p>Good morning, &lt;b&gt;Ann.</p>" in page
        assert "Morning" in page


async def test_hook_register_checks(tmp_path: Path) -> None:
    """A plugin's check is asked by ``gateway check --probe`` and named when it is not well."""
    async with staged(tmp_path, example("register_checks")):
        pass
    code, said = await run_command(tmp_path, "--json", "check", "--probe")
    assert 0 != code
    assert "less than four exbibytes are free" in said


async def test_hook_lifespan(tmp_path: Path) -> None:
    """A plugin opens before the gateway is ready and closes when it stops."""

    async def running(stage: Stage) -> object:
        row = await stage.running.store.get_state("plugin/mine", "running")
        return row and json.loads(row.value)

    async with staged(tmp_path, example("lifespan")) as stage:
        assert True is await running(stage)
    async with staged(tmp_path, example("prepare_forward")) as stage:
        assert False is await running(stage)
