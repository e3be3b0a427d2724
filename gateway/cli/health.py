"""``gateway health``: how a running gateway is."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import Any

import click
import msgspec

from gateway.cli.exits import Sick
from gateway.cli.options import Command
from gateway.cli.session import Session
from gateway.cli.terminal import plain, table
from gateway.errors import Refused, Unreachable

_EVERY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to be replaced
_LARGEST = 1 << 20


@click.command(
    cls=Command,
    examples=(
        "gateway health",
        "gateway health --strict    # fails as well if only a channel or backend is sick",
        "gateway health --url http://10.0.0.5:8080",
    ),
)
@click.option("--url", default="", help="Where it answers, if not where the config says.")
@click.option("--strict", is_flag=True, help="Fail if any part is sick, not only the gateway.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=5.0, show_default=True)
@click.pass_obj
def command(session: Session, url: str, strict: bool, timeout: float) -> None:
    """Ask a running gateway how it and its parts are.

    Done if it takes in messages. A sick channel or backend is named, but fails only with --strict.
    """
    address = f"{(url or _configured(session)).rstrip('/')}/readyz"
    status, told = _ask(address, timeout)
    sick = [part for part in told.get("sick", ()) if isinstance(part, dict)]
    lines = [f"{address}: {plain(str(told.get('status', '')))}"]
    if sick:
        names = ("part", "state", "code", "reason")
        rows = [[str(part.get(name, "")) for name in names] for part in sick]
        lines.append(table(("Part", "State", "Code", "Reason"), rows))
    session.print(told, "\n".join(lines))
    if status != http.HTTPStatus.OK:
        raise Sick(f"the gateway at {address} takes nothing in at the moment")
    if strict and sick:
        raise Sick(f"{len(sick)} part(s) need an operator")


def _configured(session: Session) -> str:
    listen = session.settings.web.listen
    if not listen.port:
        raise Refused(
            "the config lets the system choose the port (web.listen), so say where with --url"
        )
    host = _EVERY.get(listen.host, listen.host)
    return f"http://[{host}]:{listen.port}" if ":" in host else f"http://{host}:{listen.port}"


def _ask(address: str, timeout: float) -> tuple[int, dict[str, Any]]:
    if not address.startswith(("http://", "https://")):
        raise click.UsageError(f"{address!r} is not an http:// or https:// URL")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=timeout) as answer:
            status, body = answer.status, answer.read(_LARGEST)
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read(_LARGEST)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise Unreachable(
            f"no gateway answers at {address}: {said}; start one with: gateway run"
        ) from None
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Unreachable(f"what answers at {address} is no gateway (HTTP {status})") from None
    return status, told
