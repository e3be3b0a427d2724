from __future__ import annotations

import fcntl
import http.server
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.unit.cli.town import Town


def test_migrate_sets_up_an_empty_database(tmp_path: Path) -> None:
    """The folder is made too; a second time there is nothing to do."""
    here = Town(tmp_path, {})
    here.configure("")
    told = here.call("db", "migrate", "--json")
    assert (0, None) == (told.code, told.json["before"]), told.err
    assert (tmp_path / "var" / "gateway.db").exists()
    told = here.call("db", "migrate")
    assert (0, True) == (told.code, told.out.endswith(" already.\n")), told.err


def test_a_database_of_a_newer_gateway_is_refused(own_town: Town) -> None:
    """Every command says so instead of writing into it."""
    with closing(sqlite3.connect(own_town.folder / "var" / "gateway.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    for arguments in (["db", "migrate"], ["conversations"]):
        told = own_town.call(*arguments)
        assert 5 == told.code
        assert "schema 9999, which this gateway does not know" in told.err


def test_backup_and_restore(own_town: Town, tmp_path: Path) -> None:
    """The copy has the conversations and the keys, replaces nothing, and is restored elsewhere."""
    told = own_town.call("db", "backup", "copy", "--json")
    assert 0 == told.code, told.err
    assert (0, ["reply.key", "instance"]) == (told.json["blobs"], told.json["keys"])
    assert datetime.fromisoformat(told.json["made_at"]).tzinfo == UTC
    told = own_town.call("db", "backup", "copy")
    assert (7, "Error: copy is there already; a backup replaces nothing\n") == (told.code, told.err)
    told = own_town.call("db", "restore", "copy")
    assert (7, True) == (told.code, "restore into an empty one" in told.err)
    elsewhere = Town(tmp_path / "elsewhere", {})
    elsewhere.folder.mkdir()
    shutil.copy(own_town.folder / "shop.py", elsewhere.folder)
    elsewhere.configure((own_town.folder / "gateway.toml").read_text())
    told = elsewhere.call("db", "restore", str(own_town.folder / "copy"))
    assert (0, True) == (told.code, told.out.startswith("Restored the backup of 20")), told.err
    lists = [one.call("conversations", "--json") for one in (own_town, elsewhere)]
    assert lists[0].json == lists[1].json
    assert 4 == len(lists[0].json["items"])
    keys = [one.folder / "var" / "reply.key" for one in (own_town, elsewhere)]
    assert keys[0].read_bytes() == keys[1].read_bytes()
    told = elsewhere.call("db", "restore", str(tmp_path))
    assert (7, True) == (told.code, "is no backup" in told.err)


def test_a_deployment_moves_to_postgresql_and_back(
    own_town: Town, tmp_path: Path, postgres_url: str
) -> None:
    """Everything is in the other database, with its blobs, and the gateway goes on with it there."""
    before = own_town.call("conversations", "--json").json
    place = tmp_path / "blobs"
    told = own_town.call("db", "copy", postgres_url, "--blobs", str(place), "--json")
    assert 0 == told.code, told.err
    rows = {one["table"]: one["rows"] for one in told.json["tables"]}
    assert (4, 6) == (rows["conversation"], rows["arrival"])
    told = own_town.call("db", "copy", postgres_url)
    assert (7, True) == (told.code, "holds records already" in told.err)
    config = (own_town.folder / "gateway.toml").read_text()
    own_town.configure(f'[store]\nurl = "{postgres_url}"\nblobs = "{place}"\n' + config)
    assert before == own_town.call("conversations", "--json").json
    told = own_town.call("note", own_town.ids["conversation:tap"], "We have moved")
    assert 0 == told.code, told.err
    back = f"sqlite:///{tmp_path / 'back.db'}"
    assert 0 == own_town.call("db", "copy", back).code
    own_town.configure(f'[store]\nurl = "{back}"\n' + config)
    assert before == own_town.call("conversations", "--json").json


def test_nothing_is_copied_from_under_a_gateway(own_town: Town, tmp_path: Path) -> None:
    """While a gateway holds the database a copy and a restore are refused."""
    lock = own_town.folder / "var" / "gateway.lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        told = own_town.call("db", "copy", f"sqlite:///{tmp_path / 'b.db'}")
    assert (7, True) == (told.code, "another gateway runs on" in told.err)
    assert not (tmp_path / "b.db").exists()
    told = own_town.call("db", "copy", f"sqlite:///{own_town.folder}/var/gateway.db")
    assert (7, True) == (told.code, "the same database" in told.err)
    told = own_town.call("db", "copy", "mysql://x/y")
    assert (2, True) == (told.code, "no other database is supported" in told.err)


def test_a_copy_that_is_killed_goes_on(tmp_path: Path) -> None:
    """SIGKILL in the middle of it, more than once if it is not too quick; nothing is missing then."""
    here = Town(tmp_path, {})
    here.configure("")
    assert 0 == here.call("db", "migrate").code
    source, target = tmp_path / "var" / "gateway.db", tmp_path / "b.db"
    with closing(sqlite3.connect(source)) as database:
        database.executemany(
            "INSERT INTO arrival (id, tenant, source, received_at, doc, body)"
            " VALUES (?, 'default', 's', 1, ?, ?)",
            ((number, b"{}", b"x" * 2000) for number in range(1, 20_001)),
        )
        database.commit()
    kills = 0
    for most in (2_000, 8_000, 14_000):
        command = [sys.executable, "-m", "gateway", "db", "copy", f"sqlite:///{target}"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
        while process.poll() is None and copied(target) < most:
            time.sleep(0.005)
        if process.poll() is None:
            process.kill()
            kills += 1
        process.wait()
    assert kills
    told = here.call("db", "copy", f"sqlite:///{target}", "--json")
    assert 0 == told.code, told.err
    assert [20_000] == [one["rows"] for one in told.json["tables"] if one["table"] == "arrival"]


def copied(target: Path) -> int:
    """How many arrivals have come to a database so far."""
    try:
        with closing(sqlite3.connect(f"file:{target}?mode=ro", uri=True)) as database:
            found: int = database.execute("SELECT count(*) FROM arrival").fetchone()[0]
            return found
    except sqlite3.OperationalError:
        return 0


def test_vacuum_and_check(own_town: Town) -> None:
    """A populated database is whole after a vacuum; without one there is nothing to vacuum."""
    told = own_town.call("db", "vacuum")
    assert (0, "Gave unused space back to the disk.\n") == (told.code, told.out), told.err
    told = own_town.call("db", "check")
    assert (0, "The database is whole.\n") == (told.code, told.out), told.err
    (own_town.folder / "var" / "gateway.db").unlink()
    told = own_town.call("db", "vacuum")
    assert 5 == told.code
    assert "there is no database at" in told.err


def test_check_finds_a_broken_database(own_town: Town) -> None:
    """Pages that were overwritten are found, and the exit code says so."""
    path = own_town.folder / "var" / "gateway.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = database.execute("PRAGMA page_size").fetchone()[0]
    data = bytearray(path.read_bytes())
    for page in range(8, len(data) // size):
        data[page * size : page * size + 64] = b"\xee" * 64
    path.write_bytes(data)
    told = own_town.call("db", "check", "--json")
    assert 8 == told.code
    assert told.json["faults"]
    assert "restore a backup" in told.error["message"]


class Readyz(http.server.BaseHTTPRequestHandler):
    """Answers what its server was told to answer."""

    def do_GET(self) -> None:
        status, body = self.server.answer  # type: ignore[attr-defined]
        self.send_response(status if self.path == "/readyz" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A server on a free loopback port that answers /readyz."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Readyz) as server:
        server.answer = (status, body)  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


SICK = {"part": "backend/rt", "state": "down", "code": "unreachable", "reason": "it is off"}


def test_health_names_the_sick_and_fails_only_if_strict(town: Town) -> None:
    """A gateway that takes in is well enough, unless every part has to be."""
    body = json.dumps({"status": "degraded", "sick": [SICK]}).encode()
    with answering(200, body) as url:
        told = town.call("health", "--url", url)
        assert 0 == told.code, told.err
        assert "degraded" in told.out.splitlines()[0]
        assert ["backend/rt", "down", "unreachable", "it is off"] == [
            " ".join(cell.split()) for cell in told.out.splitlines()[2].split("  ") if cell
        ]
        told = town.call("health", "--url", url, "--strict", "--json")
        assert (8, "degraded") == (told.code, told.json["status"])
        assert "1 part(s) need an operator" == told.error["message"]


def test_health_of_a_gateway_that_takes_nothing_in(town: Town) -> None:
    """A 503 fails, strict or not."""
    body = json.dumps({"status": "unavailable", "sick": [{**SICK, "part": "store"}]}).encode()
    with answering(503, body) as url:
        told = town.call("health", "--url", url)
    assert 8 == told.code
    assert "takes nothing in at the moment" in told.err
    assert "store" in told.out


def test_health_of_nothing_and_of_something_else(own_town: Town) -> None:
    """Nobody listening, an answer that is none of ours, a port only the system knows."""
    with answering(200, b"<html>") as url:
        told = own_town.call("health", "--url", url)
        assert (1, True) == (told.code, "is no gateway (HTTP 200)" in told.err)
    told = own_town.call("health", "--url", url)
    assert 1 == told.code
    assert f"no gateway answers at {url}/readyz: Connection refused" in told.err
    told = own_town.call("health")
    assert 7 == told.code
    assert "say where with --url" in told.err


def test_retention_is_shown_and_run(own_town: Town) -> None:
    """What is kept how long, by tenant; a run removes nothing that is young."""
    config = (own_town.folder / "gateway.toml").read_text()
    own_town.configure(
        config.replace("[tenants.acme]", "[tenants.acme.retention]\nraw_days = 90")
        + "[retention]\nconversation_days = 365\n"
    )
    told = own_town.call("retention", "show", "--json")
    assert 0 == told.code, told.err
    assert (90, None) == (told.json["acme"]["raw_days"], told.json["acme"]["conversation_days"])
    assert 365 == told.json["default"]["conversation_days"]
    assert "for ever" in own_town.call("retention", "show").out
    told = own_town.call("retention", "run", "--json")
    assert (0, {"removed": {}}) == (told.code, told.json), told.err


def held(town: Town) -> str:
    """All that the database of a town holds, as text."""
    with closing(sqlite3.connect(town.folder / "var" / "gateway.db")) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        rows = [row for (name,) in tables for row in database.execute(f'SELECT * FROM "{name}"')]
    return "\n".join(
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for row in rows
        for value in row
    )


def test_a_person_is_erased(own_town: Town) -> None:
    """First it is said what would go; then it goes, at the desk too; others' matters stay."""
    ann = "email:ann@example.com"
    told = own_town.call("erase", ann, "--dry-run", "--json")
    assert 0 == told.code, told.err
    assert (1, 1) == (told.json["erased"]["messages"], told.json["erased"]["conversations"])
    assert [("backend/desk", "ticket 1")] == [
        (one["where"], one["what"]) for one in told.json["remains"]
    ]
    assert "ann@example.com" in held(own_town)
    told = own_town.call("erase", ann)
    assert (2, True) == (told.code, "say --yes to erase it" in told.err)
    told = own_town.call("erase", ann, "--yes", "--json")
    assert (0, [], []) == (told.code, told.json["remains"], told.json["failed"]), told.err
    left = held(own_town)
    for words in ("ann@example.com", "It drips", "Broken", "4711"):
        assert words not in left, words
    assert "Where is it?" in left
    told = own_town.call("desk", "show", "1")
    assert 6 == told.code
    told = own_town.call("show", own_town.ids["conversation:tap"])
    assert (0, True) == (told.code, "(erased)" in told.out), told.err
    told = own_town.call("why", own_town.ids["arrival:tap"])
    assert 0 == told.code, told.err
    told = own_town.call("erase", ann, "--yes")
    assert (6, True) == (told.code, "nobody is known as email:ann@example.com" in told.err)
    told = own_town.call("erase", "ann@example.com", "--yes")
    assert (2, True) == (told.code, "such as email:ann@example.com" in told.err)
    assert 2 == own_town.call("erase", "con_bogus").code


def test_what_stays_elsewhere_is_listed(own_town: Town) -> None:
    """What a backend did not take yet is not sent to it any more."""
    told = own_town.call("erase", "email:cee@example.com", "--yes", "--json")
    assert (0, 1) == (told.code, told.json["erased"]["deliveries"]), told.err
    told = own_town.call("dead-letters", "list", "--json")
    assert [] == told.json["items"] if isinstance(told.json, dict) else told.json == []
