"""Addresses to listen on, and networks to believe."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import ClassVar, final

from gateway.config.invalid import InvalidSetting

_PATTERN = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\s\[\]:/]*)):(?P<port>[0-9]{1,5})"
)
_LAST_PORT = 65_535
_EVERY = {"", "0.0.0.0", "::"}  # noqa: S104 - only compared with
_LOOPBACK = {"localhost": "127.0.0.1"}


@final
class Listen:
    """A host and port to listen on; port 0 lets the system choose.

    In the config it is ``HOST:PORT``, ``[IPV6]:PORT``, or ``:PORT`` for every address of the machine.
    """

    __slots__ = ("host", "port")
    expects: ClassVar[str] = "HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080"
    json_schema: ClassVar[dict[str, object]] = {"type": "string", "pattern": "^.*:[0-9]{1,5}$"}

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    @classmethod
    def from_config(cls, text: str, folder: Path) -> Listen:  # noqa: ARG003 - the same for all
        """Read an address as the config gives it.

        Raises:
            InvalidSetting: if it is not HOST:PORT, or the port is over 65535.
        """
        found = _PATTERN.fullmatch(text)
        if found is None or int(found["port"]) > _LAST_PORT:
            hint = "" if ":" in text else "the port is missing"
            raise InvalidSetting(cls.expects, found=repr(text), hint=hint)
        host = found["six"] or found["host"]
        if re.fullmatch(r"[0-9.]+", host) and not _is_address(host):
            raise InvalidSetting(cls.expects, found=repr(text), hint=f"{host} is no address")
        return cls(host, int(found["port"]))

    def clashes(self, other: Listen) -> bool:
        """Whether not both can be listened on: one port, on one address or on every address."""
        hosts = {_LOOPBACK.get(self.host, self.host), _LOOPBACK.get(other.host, other.host)}
        same = len(hosts) == 1 or bool(hosts & _EVERY)
        return self.port == other.port != 0 and same

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Listen):
            return NotImplemented
        return (self.host, self.port) == (other.host, other.port)

    def __hash__(self) -> int:
        return hash((self.host, self.port))

    def __repr__(self) -> str:
        return f"Listen({self.host!r}, {self.port})"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@final
class Network:
    """An address, or a network of addresses, such as ``10.0.0.0/8``."""

    __slots__ = ("addresses",)
    expects: ClassVar[str] = "an address or a network, such as 10.0.0.7 or 10.0.0.0/8"
    json_schema: ClassVar[dict[str, object]] = {"type": "string"}

    def __init__(self, addresses: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
        self.addresses = addresses

    @classmethod
    def from_config(cls, text: str, folder: Path) -> Network:  # noqa: ARG003 - the same for all
        """Read a network as the config gives it.

        Raises:
            InvalidSetting: if it is neither an address nor a network.
        """
        try:
            return cls(ipaddress.ip_network(text, strict=False))
        except ValueError:
            hint = "a host name does not do: whose it is may change"
            raise InvalidSetting(cls.expects, found=repr(text), hint=hint) from None

    def __eq__(self, other: object) -> bool:
        return self.addresses == other.addresses if isinstance(other, Network) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.addresses)

    def __repr__(self) -> str:
        return f"Network({str(self.addresses)!r})"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
