"""Fixtures that hand a test a real server, or skip it where the server cannot be run.

Servers are started once for each test worker, when the first test asks for them; what a test
leaves in one must not matter to the next: use a user, domain, database or ticket of your own.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.faults.proxy import FaultProxy, start_fault_proxy
from tests.servers.dovecot import Dovecot, start_dovecot
from tests.servers.kannel import Kannel, kannel_folder
from tests.servers.nanio import ObjectStore, start_nanio
from tests.servers.postfix import Postfix, start_postfix
from tests.servers.postgres import Postgres, start_postgres
from tests.servers.pymap import Pymap, start_pymap
from tests.servers.rt import RequestTracker, start_rt
from tests.servers.skipping import require
from tests.servers.smtp_sink import SmtpSink, start_smtp_sink

ProxyMaker = Callable[[int], Awaitable[FaultProxy]]


@pytest.fixture(scope="session")
def template_cache(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this test run share, for initialised databases."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "server-templates"


@pytest.fixture(scope="session")
def postgres(template_cache: Path) -> Iterator[Postgres]:
    """A running PostgreSQL; make a database of your own, or use ``postgres_url``."""
    require("postgresql")
    with start_postgres(template_cache) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The address of an empty PostgreSQL database of this test's own."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """A running S3 server; make a bucket of your own."""
    require("nanio")
    with start_nanio() as server:
        yield server


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """A running Dovecot with IMAP, TLS and LMTP; any user, password ``secret``."""
    require("dovecot")
    with start_dovecot(tls=True) as server:
        yield server


@pytest.fixture(scope="session")
def poor_dovecot() -> Iterator[Dovecot]:
    """A running Dovecot that advertises neither IDLE nor MOVE nor UIDPLUS."""
    require("dovecot")
    with start_dovecot(poor=True) as server:
        yield server


@pytest.fixture(scope="session")
def expired_dovecot() -> Iterator[Dovecot]:
    """A running Dovecot whose certificate ran out yesterday."""
    require("dovecot")
    with start_dovecot(expired=True) as server:
        yield server


@pytest.fixture
def oauth_dovecot() -> Iterator[Dovecot]:
    """A running Dovecot of this test's own that takes the tokens in ``introspection.tokens``."""
    require("dovecot")
    with start_dovecot(tokens={}) as server:
        yield server


@pytest.fixture(scope="session")
def postfix() -> Iterator[Postfix]:
    """A running Postfix; give it routes for a domain of your own."""
    require("postfix")
    with start_postfix() as server:
        yield server


@pytest.fixture(scope="session")
def rt(template_cache: Path) -> Iterator[RequestTracker]:
    """A running Request Tracker 5."""
    require("rt5")
    with start_rt(template_cache) as server:
        yield server


@pytest.fixture
def pymap() -> Iterator[Pymap]:
    """A running pymap of this test's own, as it has only one mailbox."""
    require("pymap")
    with start_pymap() as server:
        yield server


@pytest.fixture
def kannel() -> Iterator[Kannel]:
    """A Kannel of this test's own; `running_kannel` runs it as soon as its webhook is known."""
    require("kannel")
    with kannel_folder() as server:
        yield server


@pytest.fixture
def mail_domain() -> str:
    """A mail domain that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}.example.org"


@pytest.fixture
async def smtp_sink() -> AsyncIterator[SmtpSink]:
    """An SMTP server that keeps what it is given."""
    async with start_smtp_sink() as sink:
        yield sink


@pytest.fixture
async def fault_proxy() -> AsyncIterator[ProxyMaker]:
    """A maker of fault proxies: give it a server's port, and connect to the proxy's ``port``."""
    async with AsyncExitStack() as stack:

        async def make(target: int) -> FaultProxy:
            return await stack.enter_async_context(start_fault_proxy(target))

        yield make
