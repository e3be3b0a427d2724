"""A real PostgreSQL on a loopback port, with a data folder of its own."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from tests.servers.ports import HOST, free_port
from tests.servers.processes import STOP_SECONDS, private_folder, run, running, shared_template

ACCOUNT = "postgres"
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
}


def find_binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs, or None where there is none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: int(path.parent.name))
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def as_account() -> list[str]:
    """Return the prefix that runs a program as PostgreSQL's own user, for it refuses root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--init-groups"]


def give_away(folder: Path) -> None:
    """Hand ``folder`` and what is in it to PostgreSQL's own user where this is root."""
    if os.geteuid() == 0:
        account = pwd.getpwnam(ACCOUNT)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A server; every connection is trusted, so there is no password."""

    port: int
    folder: Path
    binaries: Path
    _names: itertools.count[int] = field(default_factory=lambda: itertools.count(1), repr=False)
    _runs: ExitStack = field(default_factory=ExitStack, repr=False)
    _processes: list[Popen[bytes]] = field(default_factory=list, repr=False)

    @property
    def data(self) -> Path:
        """Where it keeps its data."""
        return self.folder / "data"

    def url(self, database: str, *, port: int = 0) -> str:
        """Return the address of one of its databases, as drivers take it.

        Args:
            port: where else it is reached.
        """
        return f"postgresql://{ACCOUNT}@{HOST}:{port or self.port}/{database}"

    def create_database(self) -> str:
        """Create an empty database and return its address."""
        name = f"gateway_{next(self._names)}"
        self.execute(
            f"CREATE DATABASE {name} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' TEMPLATE template0"
        )
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drop a database that ``create_database`` made, with whatever is still connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def execute(self, statement: str, *, database: str = "postgres") -> str:
        """Run one statement with psql and return its bare output."""
        options = ["--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        return run(
            [self._program("psql"), self.url(database), *options, "--command", statement]
        ).strip()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        probe = [self._program("pg_isready"), "-q", "-h", HOST, "-p", str(self.port)]
        server = [*as_account(), self._program("postgres"), "-D", str(self.data)]
        process = self._runs.enter_context(
            running(
                [*server, "-p", str(self.port), *settings],
                log=self.folder / "log", ready=lambda: _succeeds(probe), stop_signal=signal.SIGINT,
            )
        )  # fmt: skip
        self._processes.append(process)

    def stop(self) -> None:
        """Stop it if it runs, as its administrator would."""
        self._runs.close()

    def crash(self) -> None:
        """Stop it as a power cut would, which ``pg_ctl`` calls ``immediate``."""
        process = self._processes.pop()
        process.send_signal(signal.SIGQUIT)
        process.wait(STOP_SECONDS)  # or the signal that follows would be heeded before
        self._runs.close()

    @contextmanager
    def standby(self) -> Iterator[Postgres]:
        """Run a standby of it until the block ends; what is committed then is on both disks."""
        self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.execute("SELECT pg_reload_conf()")
        with private_folder("standby") as folder:
            give_away(folder)
            made = Postgres(port=free_port(), folder=folder, binaries=self.binaries)
            copy = [*as_account(), self._program("pg_basebackup"), "-D", str(made.data)]
            source = ["-h", HOST, "-p", str(self.port), "-U", ACCOUNT]
            run([*copy, *source, "--checkpoint=fast", "--write-recovery-conf", "--no-sync"])
            made.start()
            try:
                yield made
            finally:
                made.stop()

    def promote(self) -> None:
        """Make a standby a server of its own."""
        self.execute("SELECT pg_promote()")

    def _program(self, name: str) -> str:
        return str(self.binaries / name)


def _initialise(binaries: Path, folder: Path) -> None:
    give_away(folder)
    initdb = str(binaries / "initdb")
    options = ["-U", ACCOUNT, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    run([*as_account(), initdb, "-D", str(folder / "data"), *options])


@contextmanager
def start_postgres(cache: Path) -> Iterator[Postgres]:
    """Run a PostgreSQL server until the block ends.

    Args:
        cache: folder shared by all workers of a test run; it keeps one initialised data folder.
    """
    binaries = find_binaries()
    if binaries is None:
        raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql")
    template = shared_template(cache, "postgres", lambda folder: _initialise(binaries, folder))
    with private_folder("postgres") as folder:
        made = Postgres(port=free_port(), folder=folder, binaries=binaries)
        shutil.copytree(template / "data", made.data)
        made.data.chmod(0o700)
        give_away(folder)
        made.start()
        try:
            yield made
        finally:
            made.stop()


def _succeeds(command: list[str]) -> bool:
    return not os.spawnv(os.P_WAIT, command[0], command)
