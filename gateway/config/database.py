"""The URL of a database: what it may say, and what is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.config.words import nearest
from gateway.errors import ConfigError, Fault

if TYPE_CHECKING:  # importing SQLAlchemy takes a tenth of a second, and most commands need it not
    from sqlalchemy import URL

SETTING = "store.url"
TLS_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
TLS = ("sslmode", "ssl", *TLS_FILES)
TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_PARAMETERS = ("host", "port", "passfile", "target_session_attrs", *TLS)
_EXPECTED = "sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"
_ENCODE = "in a user or password write %40 for @, %3A for :, %2F for /, %3F for ?, %25 for %"


def parse_url(text: str, path: str = SETTING) -> URL:
    """Read a database's URL.

    Args:
        path: where it stands, for the faults.

    Raises:
        ConfigError: it names neither a SQLite file nor a PostgreSQL database; with every fault,
            none of which shows a password.
    """
    address, faults = _read(text, path)
    if address is None or faults:
        raise ConfigError(faults)
    backend = "sqlite" if address.get_backend_name() == "sqlite" else "postgresql"
    return address.set(drivername=backend)


def url_faults(text: str, path: str = SETTING) -> list[Fault]:
    """Say all that is wrong with a database's URL, without connecting."""
    return _read(text, path)[1]


def placed(text: str, folder: Path) -> str:
    """Have the files of TLS that a URL names start at a folder, where they are not absolute."""
    address, _ = _read(text, SETTING)
    if address is None:
        return text
    files = {
        name: str(folder / value)
        for name, value in address.query.items()
        if name in TLS_FILES and isinstance(value, str)
    }
    if not files:
        return text
    return address.update_query_dict(files).render_as_string(hide_password=False)


def _read(text: str, path: str) -> tuple[URL | None, list[Fault]]:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    def fault(found: str, hint: str, expected: str = _EXPECTED) -> Fault:
        return Fault(path=path, expected=expected, found=found, hint=hint)

    try:
        address = make_url(text)
        backend = address.get_backend_name()
    except ValueError:
        return None, [fault("a port that is no number", _ENCODE)]
    except ArgumentError:
        return None, [fault("", "")]
    if backend == "sqlite":
        return address, [fault(*words) for words in _sqlite(address)]
    if backend not in ("postgresql", "postgres"):
        return None, [fault(backend, "no other database is supported")]
    return address, [fault(*words) for words in _postgres(address)]


def _sqlite(address: URL) -> list[tuple[str, str]]:
    found = []
    if address.host:
        found.append(("a host", "three slashes and a path, four if it is absolute"))
    elif address.database in (None, "", ":memory:"):
        found.append(("a database in memory", "what is acknowledged has to outlive the process"))
    if address.query:
        found.append(("parameters after a ?", "SQLite takes none here"))
    return found


def _postgres(address: URL) -> list[tuple[str, str, str]]:
    found = []
    if "@" in (address.host or ""):
        found.append(("two @", _ENCODE, _EXPECTED))
    if not address.database:
        found.append(("no database", "add its name: …HOST/gateway", _EXPECTED))
    for name, value in address.query.items():
        if name not in _PARAMETERS:
            hint = nearest(name, _PARAMETERS) or f"known here: {', '.join(_PARAMETERS)}"
            found.append((repr(name), hint, "parameters that the gateway knows"))
        elif name in ("sslmode", "ssl") and value not in TLS_MODES:
            found.append((repr(value), "", f"{name} to be one of {', '.join(TLS_MODES)}"))
        elif name in (*TLS_FILES, "passfile") and not _is_readable(value):
            hint = "check that it exists and that the gateway's user may read it"
            found.append((repr(value), hint, f"{name} to be a file that can be read"))
    if "ssl" in address.query and "sslmode" in address.query:
        found.append(("both", "", "either sslmode or ssl, which mean the same"))
    return found


def _is_readable(value: str | tuple[str, ...]) -> bool:
    return isinstance(value, str) and Path(value).is_file() and os.access(value, os.R_OK)
