"""What the URL of a database may say, without any connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.database import parse_url, placed, url_faults
from gateway.config.loading import read_text
from gateway.config.server import mask_password
from gateway.errors import ConfigError

PASSWORD = "hush"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "sqlite:///PATH or postgresql://"),
        ("mysql://localhost/x", "no other database is supported"),
        ("sqlite://", "has to outlive the process"),
        ("sqlite:///:memory:", "has to outlive the process"),
        ("sqlite://var/gateway.db", "three slashes and a path"),
        ("sqlite:///x.db?mode=ro", "SQLite takes none here"),
        (f"postgresql://u:{PASSWORD}@h:abc/d", "a port that is no number"),
        (f"postgresql://u:p@{PASSWORD}:x@h/d", "write %40 for @"),
        (f"postgresql://u:p@{PASSWORD}@h/d", "write %40 for @"),
        (f"postgresql://u:{PASSWORD}@h", "no database"),
        (f"postgresql://u:{PASSWORD}@h/d?sslmod=require", "did you mean 'sslmode'?"),
        (f"postgresql://u:{PASSWORD}@h/d?pool_size=5", "known here: host, port"),
        (f"postgresql://u:{PASSWORD}@h/d?sslmode=on", "one of disable, allow, prefer, require"),
        (f"postgresql://u:{PASSWORD}@h/d?ssl=require&sslmode=require", "mean the same"),
        (f"postgresql://u:{PASSWORD}@h/d?sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem"),
    ],
)
def test_a_url_that_cannot_work_is_a_fault_of_the_config(url: str, words: str) -> None:
    """The operator reads which setting it is, what is expected, and why; never the password."""
    with pytest.raises(ConfigError) as raised:
        parse_url(url)
    assert words in str(raised.value)
    assert {"store.url"} == {fault.path for fault in raised.value.faults}
    assert PASSWORD not in str(raised.value)


def test_every_fault_of_a_url_is_told_at_once() -> None:
    """Three mistakes are three faults."""
    assert 3 == len(url_faults("postgresql://u@h?sslmode=on&x=1"))


def test_what_asyncpg_takes_is_taken(tmp_path: Path) -> None:
    """TLS, several hosts, a socket's folder and a password file are no faults."""
    (tmp_path / "ca.pem").write_text("")
    for url in (
        f"postgresql://u:p%40ss@h/d?sslmode=verify-full&sslrootcert={tmp_path}/ca.pem",
        "postgresql+asyncpg://u@h/d?ssl=require",
        "postgresql://u@/d?host=a:5432&host=b:5432&target_session_attrs=read-write",
        "postgresql:///d?host=/run/postgresql",
    ):
        assert [] == url_faults(url)
        assert "postgresql" == parse_url(url).drivername


def test_files_of_tls_start_at_the_configs_folder(tmp_path: Path) -> None:
    """As every other file of the config; what is absolute stays, and so does a URL without any."""
    url = "postgresql://u:p%40ss@h/d?sslmode=verify-ca&sslrootcert="
    assert f"{url}{tmp_path}/ca.pem".replace("/", "%2F") == placed(
        f"{url}ca.pem", tmp_path
    ).replace("/", "%2F")
    assert f"{url}/etc/ca.pem" == placed(f"{url}/etc/ca.pem", tmp_path).replace("%2F", "/")
    assert "postgresql://u@h/d" == placed("postgresql://u@h/d", tmp_path)


def test_the_config_tells_it_without_connecting(tmp_path: Path) -> None:
    """A bad URL, and a role where there are none, stand beside the other faults."""
    read = read_text('[store]\nurl = "postgresql://h/d?x=1"\n[web]\nfoo = 1\n', folder=tmp_path)
    assert ["web.foo", "store.url"] == [fault.path for fault in read.faults]
    read = read_text('[store]\napi_role = "api"\n', folder=tmp_path)
    assert ["store.api_role"] == [fault.path for fault in read.faults]


@pytest.mark.parametrize("secret", ["hush", "hu@sh", "hu/sh", "hu:sh", "hu?sh"])
def test_a_password_is_masked_whatever_is_in_it(secret: str) -> None:
    """Also if somebody forgot to encode it."""
    assert "postgresql://u:•••@h/d" == mask_password(f"postgresql://u:{secret}@h/d")
