"""A real Request Tracker 5 with a database, a configuration and caches of its own."""

from __future__ import annotations

import mailbox
import shutil
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import aiohttp

from tests.servers.ports import HOST, accepts, free_port
from tests.servers.processes import ServerError, private_folder, run, running, shared_template

SERVER = "/usr/share/request-tracker5/libexec/rt-server"
SETUP = Path(__file__).with_name("rt_setup.pl")
QUEUE = "Support"
AGENT = "agent"
AGENT_PASSWORD = "agentpass1"
WORKERS = 3

SITE_CONFIG = """\
$RT::VarPath = '{folder}/var';
$RT::MasonDataDir = '{folder}/mason';
$RT::MasonSessionDir = '{folder}/session';
Set($rtname, 'example.org');
Set($Organization, 'example.org');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '{folder}/rt.db');
Set($WebDomain, '{host}');
Set($WebPort, {port});
Set($WebPath, '');
Set($Timezone, 'UTC');
Set($MailCommand, 'mbox');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'warning');
Set($RestrictReferrer, 0);
Set($BcryptCost, 4);
1;
"""


@dataclass(frozen=True, kw_only=True)
class RequestTracker:
    """A running Request Tracker.

    It has the queues ``Support`` and ``Sales``, a ticket field ``gateway_id``, an entry
    (transaction) field ``gateway_delivery``, the privileged user ``gateway`` whose API token is
    ``token``, and an agent.
    """

    folder: Path
    port: int
    token: str
    queue: str = QUEUE
    field: str = "gateway_id"
    entry_field: str = "gateway_delivery"
    user: str = "gateway"
    agent: str = AGENT
    agent_password: str = AGENT_PASSWORD

    @property
    def url(self) -> str:
        """The address of its front page, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    async def call(
        self, method: str, path: str, *, json: object = None, params: dict[str, str] | None = None
    ) -> Any:
        """Ask the REST 2.0 interface as the agent and return the decoded answer.

        Raises:
            ServerError: it answered with an error.
        """
        async with (
            self._as_agent() as session,
            session.request(
                method, f"{self.url}/REST/2.0/{path}", json=json, params=params
            ) as answer,
        ):
            body = await answer.json(content_type=None)
            if answer.status >= 400:
                raise ServerError(f"{method} {path} was answered with {answer.status}: {body}")
            return body

    async def ticket(self, number: int | str) -> dict[str, Any]:
        """Return a ticket as the REST interface shows it."""
        found: dict[str, Any] = await self.call("GET", f"ticket/{number}")
        return found

    async def tickets(self, query: str) -> list[int]:
        """Return the numbers of the tickets that a TicketSQL query finds, oldest first."""
        params = {"query": query, "orderby": "id", "per_page": "100"}
        found = await self.call("GET", "tickets", params=params)
        return [int(item["id"]) for item in found["items"]]

    async def correspond_as_agent(
        self,
        number: int | str,
        text: str,
        *,
        content_type: str = "text/plain",
        attachments: tuple[tuple[str, str, bytes], ...] = (),
    ) -> None:
        """Let the agent answer the customer in a ticket.

        Args:
            number: the ticket.
            text: what the agent writes.
            content_type: ``text/plain`` or ``text/html``.
            attachments: name (ASCII), media type and content of each.
        """
        await self._write("correspond", number, text, content_type, attachments)

    async def comment_as_agent(self, number: int | str, text: str) -> None:
        """Let the agent write a comment, which customers do not see."""
        await self._write("comment", number, text, "text/plain", ())

    async def _write(
        self,
        kind: str,
        number: int | str,
        text: str,
        content_type: str,
        attachments: tuple[tuple[str, str, bytes], ...],
    ) -> None:
        files = [
            {"FileName": name, "FileType": media, "FileContent": b64encode(content).decode()}
            for name, media, content in attachments
        ]
        body = {"Content": text, "ContentType": content_type, "Attachments": files}
        await self.call("POST", f"ticket/{number}/{kind}", json=body)

    async def entries(self, number: int | str, kind: str = "Correspond") -> list[str]:
        """Return the texts written into a ticket, oldest first.

        Args:
            number: the ticket.
            kind: ``Create``, ``Correspond`` or ``Comment``.
        """
        return [
            part["Content"]
            for entry in await self._transactions(number, kind)
            for part in await self._parts(entry)
            if part["ContentType"].startswith("text/") and not part["Filename"]
        ]

    async def files(self, number: int | str, kind: str = "Correspond") -> list[tuple[str, bytes]]:
        """Return the names and contents of the files added to a ticket, oldest first."""
        found = []
        for entry in await self._transactions(number, kind):
            for part in await self._parts(entry):
                if part["Filename"]:
                    whole = await self.call("GET", f"attachment/{part['id']}")
                    found.append((part["Filename"], b64decode(whole["Content"])))
        return found

    async def _transactions(self, number: int | str, kind: str) -> list[str]:
        query = f"ObjectType = 'RT::Ticket' AND ObjectId = {int(number)} AND Type = '{kind}'"
        params = {"query": query, "orderby": "id", "per_page": "100"}
        found = await self.call("GET", "transactions", params=params)
        return [item["id"] for item in found["items"]]

    async def _parts(self, entry: str) -> list[dict[str, Any]]:
        fields = {"fields": "Content,ContentType,Filename", "per_page": "100"}
        found = await self.call("GET", f"transaction/{entry}/attachments", params=fields)
        parts: list[dict[str, Any]] = found["items"]
        return parts

    def mail(self) -> list[Message]:
        """Return the mail that it would have sent, oldest first."""
        found: list[Message] = []
        for path in sorted((self.folder / "var").glob("*.mbox")):
            with closing(mailbox.mbox(path, create=False)) as box:
                found += list(box)
        return found

    def log(self) -> str:
        """Return its log."""
        return (self.folder / "log").read_text(errors="replace")

    @asynccontextmanager
    async def _as_agent(self) -> AsyncIterator[aiohttp.ClientSession]:
        credentials = b64encode(f"{self.agent}:{self.agent_password}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}"}
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            yield session


def _environment(folder: Path) -> dict[str, str]:
    return {
        "RT_SITE_CONFIG": str(folder / "site.pm"),
        "RT_SITE_CONFIG_DIR": str(folder / "site.d"),
        "LC_ALL": "C.UTF-8",
    }


def _lay_out(folder: Path, port: int) -> None:
    for name in ("var", "mason", "session", "site.d"):
        (folder / name).mkdir()
    (folder / "site.pm").write_text(SITE_CONFIG.format(folder=folder, host=HOST, port=port))


def _initialise(folder: Path) -> None:
    """Fill ``folder`` with a database that has what the tests use, and the gateway's token."""
    _lay_out(folder, free_port())
    password = folder / "password"
    password.write_text("rootpass1\n")
    environment = _environment(folder)
    run(
        [
            *("rt-setup-database-5", "--action", "init", "--dba", "", "--dba-password", ""),
            *("--root-password-file", str(password)),
        ],
        environment=environment,
    )
    token = run(["perl", str(SETUP)], environment=environment).split()[-1]
    (folder / "token").write_text(token)


@contextmanager
def start_rt(cache: Path) -> Iterator[RequestTracker]:
    """Run a Request Tracker until the block ends.

    Args:
        cache: folder shared by all workers of a test run; it keeps one initialised database.
    """
    template = shared_template(cache, "rt", _initialise)
    with private_folder("rt") as folder:
        port = free_port()
        _lay_out(folder, port)
        shutil.copy(template / "rt.db", folder / "rt.db")
        server = RequestTracker(
            folder=folder, port=port, token=(template / "token").read_text().strip()
        )
        with running(
            [
                *(SERVER, "--server", "Starlet", "--host", HOST, "--port", str(port)),
                *("--max-workers", str(WORKERS)),
            ],
            log=folder / "log",
            ready=lambda: accepts(port),
            environment=_environment(folder),
        ):
            yield server
