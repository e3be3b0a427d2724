"""Skip what needs a server that this machine does not have."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import nanio, postfix, postgres, rt

INSTALL = "run scripts/apt-servers as root"


def _postgres() -> str | None:
    if postgres.find_binaries() is None:
        return f"PostgreSQL is not installed ({INSTALL})"
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        return "setpriv (util-linux), without which root cannot start PostgreSQL, is missing"
    return None


def _postfix() -> str | None:
    if not Path(postfix.DAEMONS, "master").exists():
        return f"Postfix is not installed ({INSTALL})"
    if os.geteuid() != 0:
        return "Postfix has to be started by root"
    return None


def _dovecot() -> str | None:
    if not (shutil.which("dovecot") and shutil.which("doveadm")):
        return f"Dovecot is not installed ({INSTALL})"
    if not Path("/usr/lib/dovecot/lmtp").exists():
        return f"Dovecot's LMTP server, dovecot-lmtpd, is not installed ({INSTALL})"
    return None


def _rt() -> str | None:
    if not (Path(rt.SERVER).exists() and shutil.which("rt-setup-database-5")):
        return f"Request Tracker 5 is not installed ({INSTALL})"
    return None


def _kannel() -> str | None:
    if not (shutil.which("bearerbox") and shutil.which("smsbox")):
        return f"Kannel is not installed ({INSTALL})"
    return None


def _pymap() -> str | None:
    if importlib.util.find_spec("pymap") is None:
        return "pymap is not installed (pip install pymap)"
    return None


def _nanio() -> str | None:
    if not nanio.PROGRAM.exists():
        return "nanio is not installed (make .venv/.servers)"
    return None


def _strace() -> str | None:
    return None if shutil.which("strace") else f"strace is not installed ({INSTALL})"


CHECKS: dict[str, Callable[[], str | None]] = {
    "dovecot": _dovecot,
    "kannel": _kannel,
    "nanio": _nanio,
    "postfix": _postfix,
    "postgresql": _postgres,
    "pymap": _pymap,
    "rt5": _rt,
    "strace": _strace,
}


def missing(server: str) -> str | None:
    """Return why a server cannot be run here, or None where it can.

    Args:
        server: ``dovecot``, ``kannel``, ``nanio``, ``postfix``, ``postgresql``, ``pymap``,
            ``rt5`` or ``strace``.
    """
    return CHECKS[server]()


def require(*servers: str) -> None:
    """Skip the test where one of the servers cannot be run; the reason says what to do."""
    for server in servers:
        reason = missing(server)
        if reason is not None:
            pytest.skip(reason)
