"""A real Kannel: bearerbox and smsbox on loopback ports, with a fake or an SMPP SMS centre.

It runs the very configuration that the channel's README gives to operators, with ports, folders
and secrets of its own. Its line to the SMS centre is one of two: ``fake``, Kannel's own driver for
tests, to which `tests.servers.fakesmsc` connects, or ``smpp``, which connects to
`tests.servers.smpp` as it would to an operator.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.ports import HOST, accepts, free_port
from tests.servers.processes import private_folder, running, tail

EXAMPLE = Path(__file__).parents[2] / "channels" / "sms_voice" / "kannel.conf"
USER, PASSWORD = "gateway", "secret"
STATUS_PASSWORD = "statuspw"
RETRY_SECONDS = 1
STOP_SECONDS = 3.0
Group = tuple[str, dict[str, str]]


@dataclass(kw_only=True)
class Kannel:
    """Where a Kannel listens; `running_kannel` runs it.

    The ports are known before it runs, since the gateway's config names them and Kannel's names
    the gateway's.
    """

    folder: Path
    admin_port: int = field(default_factory=free_port)
    box_port: int = field(default_factory=free_port)
    sendsms_port: int = field(default_factory=free_port)
    centre_port: int = field(default_factory=free_port)
    user: str = USER
    password: str = PASSWORD
    status_password: str = STATUS_PASSWORD
    _smsbox: ExitStack = field(default_factory=ExitStack, repr=False)
    _bearerbox: int = field(default=0, repr=False)

    @property
    def url(self) -> str:
        """Where messages are handed in, without a slash at the end."""
        return f"http://{HOST}:{self.sendsms_port}"

    @property
    def status_url(self) -> str:
        """Where it tells how it is."""
        return f"http://{HOST}:{self.admin_port}"

    def log(self) -> str:
        """Return the ends of its logs."""
        names = ("bearerbox.log", "smsbox.log", "bearerbox.out", "smsbox.out")
        return "\n".join(f"{name}:\n{tail(self.folder / name)}" for name in names)

    def start_smsbox(self) -> None:
        """Start the part that speaks HTTP."""
        self._smsbox.enter_context(
            running(
                ["smsbox", str(self.folder / "kannel.conf")],
                log=self.folder / "smsbox.out",
                ready=lambda: accepts(self.sendsms_port),
                stop_signal=signal.SIGKILL,
                stop_seconds=STOP_SECONDS,
            )
        )

    def kill_smsbox(self) -> None:
        """End the part that speaks HTTP at once, as a crash does; `start_smsbox` starts it again."""
        self._smsbox.close()

    def pause_bearerbox(self) -> None:
        """Let the part behind it take nothing more, as an overloaded machine would."""
        os.kill(self._bearerbox, signal.SIGSTOP)

    def resume_bearerbox(self) -> None:
        """Let it go on."""
        os.kill(self._bearerbox, signal.SIGCONT)


@contextmanager
def kannel_folder() -> Iterator[Kannel]:
    """Give a Kannel that does not run yet its folder and ports."""
    with private_folder("kannel") as folder:
        yield Kannel(folder=folder)


@contextmanager
def running_kannel(
    kannel: Kannel, webhook: str, *, smpp: bool = False, more: Mapping[str, str] | None = None
) -> Iterator[Kannel]:
    """Run a Kannel until the block ends.

    Args:
        webhook: the gateway's address for what comes in, up to and with the secret.
        smpp: connect to an SMPP centre on ``centre_port``; else wait there for a fake one.
        more: further settings by ``group.name``, such as ``sendsms-user.max-messages``.
    """
    (kannel.folder / "kannel.conf").write_text(_configuration(kannel, webhook, smpp, more or {}))
    waits = (kannel.box_port,) if smpp else (kannel.box_port, kannel.centre_port)
    with (
        running(
            ["bearerbox", str(kannel.folder / "kannel.conf")],
            log=kannel.folder / "bearerbox.out",
            ready=lambda: all(map(accepts, waits)),
            stop_seconds=STOP_SECONDS,
        ) as bearerbox,
        kannel._smsbox,
    ):
        kannel._bearerbox = bearerbox.pid
        kannel.start_smsbox()
        yield kannel


def _configuration(kannel: Kannel, webhook: str, smpp: bool, more: Mapping[str, str]) -> str:
    """The example that operators are given, with what is this Kannel's own."""
    groups = _read(EXAMPLE.read_text(encoding="utf-8"))
    own = {
        "core.admin-port": kannel.admin_port,
        "core.admin-password": "adminpw",
        "core.status-password": kannel.status_password,
        "core.smsbox-port": kannel.box_port,
        "core.store-location": kannel.folder / "store",
        "core.log-file": kannel.folder / "bearerbox.log",
        "core.sms-resend-freq": RETRY_SECONDS,
        "smsbox.sendsms-port": kannel.sendsms_port,
        "smsbox.log-file": kannel.folder / "smsbox.log",
        "smsbox.http-queue-delay": RETRY_SECONDS,
        "sendsms-user.username": kannel.user,
        "sendsms-user.password": kannel.password,
        **more,
    }
    for place, value in own.items():
        group, _, name = place.partition(".")
        _settings(groups, group)[name] = str(value)
    service = _settings(groups, "sms-service")
    service["post-url"] = re.sub(r"http://[^?]+", lambda _: webhook, service["post-url"])
    centre = _settings(groups, "smsc")
    if smpp:
        centre |= {"host": HOST, "port": str(kannel.centre_port)}
        centre |= {"smsc-username": "user", "smsc-password": "password", "reconnect-delay": "1"}
    else:
        centre.clear()
        # our-host keeps its port off the network.
        centre |= {
            "smsc": "fake", "smsc-id": "operator", "host": HOST, "our-host": HOST,
            "port": str(kannel.centre_port), "connect-allow-ip": HOST,
        }  # fmt: skip
    return "\n\n".join(
        "\n".join([f"group = {group}", *(f"{name} = {value}" for name, value in settings.items())])
        for group, settings in groups
    )


def _read(text: str) -> list[Group]:
    """Read Kannel's groups of settings, which empty lines part."""
    groups: list[Group] = []
    for line in text.splitlines():
        name, sign, value = line.partition("=")
        if line.startswith("#") or not sign:
            continue
        if name.strip() == "group":
            groups.append((value.strip(), {}))
        else:
            groups[-1][1][name.strip()] = value.strip()
    return groups


def _settings(groups: list[Group], wanted: str) -> dict[str, str]:
    return next(settings for group, settings in groups if group == wanted)
