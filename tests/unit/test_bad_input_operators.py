"""What an operator reads whose config, servers or machine are not in order.

Faults of single settings are in tests/unit/config, those of single commands in tests/unit/cli.
"""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.testing import running_gateway
from tests.servers.ports import free_port
from tests.servers.pymap import Pymap
from tests.servers.smtp_sink import start_smtp_sink
from tests.unit.cli.processes import Told
from tests.unit.cli.town import Town

DESK = '[plugins.desk]\n[backends.desk]\ntype = "desk"\n'
ANYWHERE = '[web]\nlisten = "127.0.0.1:0"\n'
MAILBOX = '[plugins.email]\n[channels.support]\ntype = "email"\naddress = "support@example.com"\n'


@pytest.fixture
def here(tmp_path: Path) -> Town:
    """A folder in which the gateway is called."""
    return Town(tmp_path, {})


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which something else listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        yield other.getsockname()[1]


def sentence(told: Told) -> str:
    """The one sentence on the standard error of a call that failed as expected."""
    assert told.err.startswith("Error: "), told.err
    assert "Traceback" not in told.err
    return told.err.removeprefix("Error: ").rstrip("\n")


def test_an_unknown_key_and_a_wrong_type(here: Town) -> None:
    """Both are told at once, also by ``run``, with where, what was expected and what is meant."""
    here.configure(f"{ANYWHERE}request_seconds = 'soon'\nbody_limt = 5\n{DESK}")
    told = here.call("run")
    assert (3, "") == (told.code, told.out)
    assert sentence(told).splitlines() == [
        "gateway.toml has 2 fault(s):",
        "  web.body_limt: expected a known key, found 'body_limt' (did you mean 'body_limit'?)",
        '  web.request_seconds: expected a number above 0, found "soon"',
    ]


def test_a_secret_that_is_not_there(here: Town) -> None:
    """The variable, and the file, are named; neither value is asked for in the config itself."""
    smtp = 'host = "relay.example.com"\nuser = "gateway"\n'
    here.configure(
        f'{ANYWHERE}{MAILBOX}[channels.support.smtp]\n{smtp}password = "${{MAIL_PASSWORD}}"\n'
        '[api.tokens.tool]\ntoken = "file:token.key"\nscopes = ["read"]\n'
    )
    told = here.call("check")
    assert 3 == told.code
    assert (
        "channels.support.smtp.password: expected the environment variable MAIL_PASSWORD, "
        "found nothing"
    ) in sentence(told)
    assert "api.tokens.tool.token: expected" in sentence(told)
    assert f"{here.folder / 'token.key'}" in sentence(told)


def test_a_secret_file_that_cannot_be_read(here: Town) -> None:
    """A file that is none is told with its name and reason, never with a content."""
    (here.folder / "token.key").mkdir()
    here.configure(
        f'{ANYWHERE}[api.tokens.tool]\ntoken = "file:token.key"\nscopes = ["read"]\n{DESK}'
    )
    told = here.call("check")
    assert 3 == told.code
    assert f"{here.folder / 'token.key'}" in sentence(told)
    assert "Is a directory" in sentence(told)


def test_servers_that_cannot_be_reached(here: Town) -> None:
    """IMAP, the relay and RT are named with address and reason, and nothing else is held up."""
    port = free_port()
    here.configure(
        f'{ANYWHERE}{MAILBOX}[channels.support.imap]\nhost = "127.0.0.1"\nport = {port}\n'
        'tls = "none"\nuser = "ann"\npassword = "secret"\n'
        '[channels.sales]\ntype = "email"\naddress = "sales@example.com"\n'
        f'[channels.sales.smtp]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n'
        f'[plugins.rt]\n[backends.tickets]\ntype = "rt"\nurl = "http://127.0.0.1:{port}"\n'
        f'token = "1-2-3"\n{DESK}'
    )
    told = here.call("check", "--probe", "--json")
    assert 8 == told.code, told.err
    found = told.json["probes"]
    assert {"state": "ok", "code": "", "reason": ""} == found["backend/desk"]
    assert {
        "state": "down",
        "code": "imap_unreachable",
        "reason": f"127.0.0.1:{port} cannot be reached: connection refused; check host and port",
    } == found["channel/support"]
    assert {
        "state": "down",
        "code": "relay_unreachable",
        "reason": f"127.0.0.1:{port} cannot be reached: connection refused",
    } == found["channel/sales"]
    assert "unreachable" == found["backend/tickets"]["code"]
    assert f"127.0.0.1:{port}" in found["backend/tickets"]["reason"]
    sick = "channel/support, channel/sales, backend/tickets"
    assert f"3 of 5 need an operator: {sick}" == told.error["message"]


async def test_a_wrong_password_at_the_relay(here: Town) -> None:
    """The user is named with what to do; the password is not shown."""
    async with start_smtp_sink(login=("ann", "the right one")) as relay:
        here.configure(
            f'{ANYWHERE}{MAILBOX}[channels.support.smtp]\nhost = "127.0.0.1"\nport = {relay.port}\n'
            'tls = "none"\nuser = "ann"\npassword = "the-wrong-one"\n'
        )
        told = await asyncio.to_thread(here.call, "check", "--probe", "--json")
    found = told.json["probes"]["channel/support"]
    assert (8, "down", "relay_authentication") == (told.code, found["state"], found["code"])
    assert f"127.0.0.1:{relay.port} refused to log in ann: 535" in found["reason"]
    assert found["reason"].endswith("; check user and password")
    assert "the-wrong-one" not in told.out + told.err


def test_a_wrong_password_at_the_mailbox(here: Town, pymap: Pymap) -> None:
    """The code says that it is the password; the password is not shown."""
    here.configure(
        f'{ANYWHERE}{MAILBOX}[channels.support.imap]\nhost = "127.0.0.1"\n'
        f'port = {pymap.imap_port}\ntls = "none"\nuser = "{pymap.user}"\n'
        'password = "the-wrong-one"\n'
    )
    told = here.call("check", "--probe", "--json")
    found = told.json["probes"]["channel/support"]
    assert (8, "down", "imap_authentication") == (told.code, found["state"], found["code"])
    assert f"127.0.0.1:{pymap.imap_port} refused to log in {pymap.user}" in found["reason"]
    assert "the-wrong-one" not in told.out + told.err


def test_a_port_that_is_taken(here: Town, taken: int) -> None:
    """The setting, the address and the reason are told, not a traceback."""
    here.configure(f'[web]\nlisten = "127.0.0.1:{taken}"\n{DESK}')
    told = here.call("run")
    assert 7 == told.code
    assert (
        f"web.listen: cannot listen on 127.0.0.1:{taken}: address already in use; "
        "another program listens there; set another address"
    ) in told.err
    assert "the store is closed" not in told.err
    assert "Traceback" not in told.err


def test_a_data_folder_that_cannot_be_written(here: Town) -> None:
    """The folder and the setting are named."""
    (here.folder / "var").write_text("a file")
    here.configure(f"{ANYWHERE}{DESK}")
    told = here.call("run")
    assert 5 == told.code
    assert (
        f"the data folder {here.folder / 'var'} cannot be written: File exists; make it the folder "
        "of the user who runs the gateway, or set gateway.data to another one"
    ) == sentence(told)
    told = here.call("check", "--probe", "--json")
    assert 5 == told.code
    reason = f"the database {here.folder / 'var' / 'gateway.db'} cannot be written"
    assert reason in told.error["message"]
    assert {"store", "blobs", "backend/desk"} == set(told.json["probes"])
    assert reason in told.json["probes"]["store"]["reason"]


def test_a_database_that_does_not_answer_hides_nothing(here: Town) -> None:
    """Channels and backends are probed all the same, and nothing is left behind."""
    port = free_port()
    here.configure(
        f'[store]\nurl = "postgresql://ann@127.0.0.1:{port}/gateway"\n{ANYWHERE}{MAILBOX}'
        f'[channels.support.smtp]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n{DESK}'
    )
    told = here.call("check", "--probe", "--json")
    assert (5, "store_unavailable") == (told.code, told.error["code"])
    probes = {part: health["code"] for part, health in told.json["probes"].items()}
    assert "store_unavailable" == probes["store"]
    assert "relay_unreachable" == probes["channel/support"]
    assert "" == probes["blobs"]
    assert f"127.0.0.1', {port}" in told.json["probes"]["store"]["reason"]


async def test_two_gateways_on_one_database(here: Town) -> None:
    """The second one says which folder is held, and what serves several; the first goes on."""
    async with running_gateway(here.folder, f"{DESK}") as first:
        told = await asyncio.to_thread(here.call, "run")
        assert 7 == told.code
        assert (
            f"another gateway runs on {here.folder / 'var'}; stop it first, or use PostgreSQL, "
            "which serves any number of gateways"
        ) == sentence(told)
        assert not first.gateway.parts.board.sick


def test_a_database_of_a_newer_gateway(here: Town) -> None:
    """It is neither changed nor used; the words say that the gateway is the older one."""
    here.configure(f"{ANYWHERE}{DESK}")
    assert 0 == here.call("db", "migrate").code
    database = here.folder / "var" / "gateway.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    told = here.call("run")
    assert 5 == told.code
    assert "newer" in sentence(told)
    with closing(sqlite3.connect(database)) as connection:
        assert [("9999",)] == connection.execute("SELECT * FROM alembic_version").fetchall()


def test_a_data_folder_that_was_moved(here: Town) -> None:
    """A command that only works on what is there makes no new database where none is."""
    here.configure(f"{ANYWHERE}{DESK}")
    told = here.call("conversations")
    assert 5 == told.code
    assert f"there is no database at {here.folder / 'var' / 'gateway.db'}" in sentence(told)
    assert "gateway db migrate" in sentence(told)
    assert not (here.folder / "var").exists()


def test_a_database_that_is_none(here: Town) -> None:
    """``db check`` tells an empty file and a newer gateway's; a damaged one is named by every command."""
    here.configure(f"{ANYWHERE}{DESK}")
    database = here.folder / "var" / "gateway.db"
    database.parent.mkdir()
    database.touch()
    told = here.call("db", "check")
    assert (5, "") == (told.code, told.out)
    assert "the database is empty: run `gateway db migrate` to set it up" == sentence(told)
    assert 0 == here.call("db", "migrate").code
    assert 0 == here.call("db", "check").code
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    told = here.call("db", "check")
    assert 5 == told.code
    assert "a newer gateway has used it" in sentence(told)
    database.write_bytes(b"no database" * 1000)
    told = here.call("conversations")
    assert 5 == told.code
    assert sentence(told).startswith(f"{database}: ")
    assert "check the disk" in sentence(told)


def test_the_data_folder_is_private(here: Town) -> None:
    """Whichever command makes it: only its owner reads what customers wrote."""
    here.configure(f"{ANYWHERE}{DESK}")
    assert 0 == here.call("db", "migrate").code
    assert 0 == here.call("db", "backup", "backup").code
    text = (here.folder / "gateway.toml").read_text()
    here.configure(f'[gateway]\ndata = "restored"\n{text}')
    assert 0 == here.call("db", "restore", "backup").code
    for folder in ("var", "restored", "backup"):
        assert 0o700 == (here.folder / folder).stat().st_mode & 0o777
