"""What PostgreSQL refuses is told with what to do, and TLS is as strict as the URL asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import StoreUnavailable
from gateway.store.blobs import MemoryBlobs
from gateway.store.ends import reading, writing
from gateway.store.migrating import current_schema, migrate
from gateway.store.opening import open_store
from tests.servers.certificates import Certificate, make_certificate
from tests.servers.postgres import Postgres, give_away, start_postgres
from tests.servers.skipping import require
from tests.unit.cli.town import Town
from tests.unit.store.values import FixedClock

pytestmark = pytest.mark.server("postgresql")
PASSWORD = "the-wrong-one"


@pytest.fixture(scope="module")
def strict(template_cache: Path) -> Iterator[tuple[Postgres, Certificate]]:
    """A server with a certificate, that asks ``gateway`` for a password and ``tls`` for TLS."""
    require("postgresql")
    with start_postgres(template_cache) as server:
        data = server.folder / "data"
        certificate = make_certificate(data)
        certificate.key.chmod(0o600)
        give_away(data)
        (data / "pg_hba.conf").write_text(
            "host all gateway 127.0.0.1/32 scram-sha-256\n"
            "hostssl all tls 127.0.0.1/32 trust\n"
            "hostnossl all tls 127.0.0.1/32 reject\n"
            "host all all 127.0.0.1/32 trust\n"
        )
        for statement in (
            "CREATE ROLE gateway LOGIN PASSWORD 'the-right-one'",
            "CREATE ROLE tls LOGIN SUPERUSER",
            f"ALTER SYSTEM SET ssl_cert_file = '{certificate.certificate}'",
            f"ALTER SYSTEM SET ssl_key_file = '{certificate.key}'",
            "ALTER SYSTEM SET ssl = on",
            "SELECT pg_reload_conf()",
        ):
            server.execute(statement)
        yield server, certificate


@pytest.fixture
def here(tmp_path: Path) -> Town:
    """A folder in which the gateway is called."""
    return Town(tmp_path, {})


def configure(here: Town, url: str) -> None:
    """Write a config with a store."""
    here.configure(f'[web]\nlisten = "127.0.0.1:0"\n[store]\nurl = "{url}"\n')


@pytest.mark.parametrize(
    ("user", "database", "words"),
    [
        ("postgres", "nix", 'database "nix" does not exist; create the database'),
        (f"gateway:{PASSWORD}", "", 'password authentication failed for user "gateway"; check'),
        ("nobody", "", 'role "nobody" does not exist; check user and password'),
        ("gateway:the-right-one", "", "permission denied for schema public; have the owner"),
        ("tls", "?sslmode=disable", "pg_hba.conf rejects connection"),
    ],
)
def test_a_refusal_is_told_with_what_to_do(
    strict: tuple[Postgres, Certificate], here: Town, user: str, database: str, words: str
) -> None:
    """Every command that opens the store ends with 5 and a sentence, and shows no password."""
    server, _ = strict
    if not database.isalpha():
        database = server.create_database().rpartition("/")[2] + database
    configure(here, f"postgresql://{user}@127.0.0.1:{server.port}/{database}")
    assert 0 == here.call("check").code
    for command in (("run",), ("db", "migrate")):
        told = here.call(*command)
        assert 5 == told.code, told.err
        assert "the database refuses the gateway: " in told.err
        assert words in told.err
        assert "Traceback" not in told.err
        assert PASSWORD not in told.out + told.err


def test_a_user_without_rights_to_the_tables(
    strict: tuple[Postgres, Certificate], here: Town
) -> None:
    """Who may connect to a database that is set up, but may not read it, is told so."""
    server, _ = strict
    url = server.create_database()
    migrate(url)
    configure(here, url.replace("postgres@", "gateway:the-right-one@"))
    told = here.call("conversations")
    assert (5, "") == (told.code, told.out)
    assert "permission denied for table alembic_version; have the owner" in told.err


def test_a_copy_to_a_database_that_is_not_there(
    strict: tuple[Postgres, Certificate], here: Town
) -> None:
    """The target is as well explained as the source; a URL that is none is a wrong command line."""
    server, _ = strict
    configure(here, "sqlite:///{data}/gateway.db")
    assert 0 == here.call("db", "migrate").code
    told = here.call("db", "copy", server.url("nix"))
    assert 5 == told.code
    assert 'database "nix" does not exist' in told.err
    told = here.call("db", "copy", f"postgresql://u:{PASSWORD}@h:abc/d")
    assert 2 == told.code
    assert "URL: expected sqlite:///PATH or postgresql://" in told.err
    assert PASSWORD not in told.err


def over_tls(server: Postgres, host: str, asked: str) -> str:
    """The URL of an empty database, as a role that has to use TLS."""
    database = server.create_database().rpartition("/")[2]
    return f"postgresql://tls@{host}:{server.port}/{database}?{asked}"


@pytest.mark.parametrize(
    "asked", ["sslmode=require", "ssl=require", "sslmode=verify-ca", "sslmode=verify-full"]
)
async def test_tls_is_used_by_every_part(strict: tuple[Postgres, Certificate], asked: str) -> None:
    """Migration, store and copy connect over TLS to a server whose authority is trusted."""
    server, certificate = strict
    url = over_tls(server, "localhost", f"{asked}&sslrootcert={certificate.authority}")
    store = await open_store(url, blobs=MemoryBlobs(), clock=FixedClock())
    await store.ping()
    used = server.execute(
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
        " WHERE usename = 'tls'"
    )
    assert "t" == used
    await store.close()
    for end in (reading(url), writing(url)):
        async with end as run:
            assert await run(lambda connection: connection.exec_driver_sql(
                "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            ).scalar())  # fmt: skip


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("127.1", "sslmode=verify-full&sslrootcert={right}"),
        ("127.0.0.1", "sslmode=verify-ca&sslrootcert={wrong}"),
        ("127.0.0.1", "sslmode=require&sslrootcert={wrong}"),
    ],
)
def test_a_certificate_that_is_not_to_be_trusted(
    strict: tuple[Postgres, Certificate], tmp_path: Path, host: str, asked: str
) -> None:
    """Another authority's, or one made out to another host, ends it before anything is sent."""
    server, certificate = strict
    files = {"right": certificate.authority, "wrong": make_certificate(tmp_path).authority}
    with pytest.raises(StoreUnavailable) as told:
        current_schema(over_tls(server, host, asked.format(**files)))
    assert "is not to be trusted" in str(told.value)
    assert "check the host and sslrootcert" in str(told.value)


def test_a_server_without_tls(postgres: Postgres) -> None:
    """``require`` takes no connection that others could read."""
    with pytest.raises(StoreUnavailable, match="rejected SSL upgrade"):
        current_schema(f"{postgres.url('postgres')}?sslmode=require")


def test_verifying_without_an_authority(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing to verify with is said, with the file that is looked for."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StoreUnavailable, match=r"root\.crt"):
        current_schema(f"{postgres.url('postgres')}?sslmode=verify-full")
