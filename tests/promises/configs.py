"""Configurations of the gateways of these tests, put together from pieces.

``{http}``, ``{lmtp}`` and the like stand for the ports of a gateway process.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.promises.process import API_TOKEN
from tests.promises.ticket_system import SECRET

PLUGINS = Path(__file__).with_name("plugins")

BASE = f"""\
[gateway]
log_format = "json"
[web]
listen = "127.0.0.1:{{http}}"
[api.tokens.tests]
token = "{API_TOKEN}"
scopes = ["admin"]
tenants = ["*"]
"""

QUICK_RETRIES = """\
[outbox]
schedule = [0, 0.05, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2, 0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1, 1]
breaker_failures = 1000
"""


def mailbox(
    name: str = "support", *, port: str = "lmtp", relay: int = 0, more: str = "",
    address: str = "support@example.com",
) -> str:  # fmt: skip
    """An inbox that is handed mail by LMTP.

    Args:
        port: the name of its port.
        relay: port of the mail server that takes its replies; 0 for none.
        more: further settings.
    """
    text = f"""\
[channels.{name}]
type = "email"
address = "{address}"
trusted_authserv_ids = ["mx.example.com"]
{more}
lmtp = {{ port = {{{port}}} }}
"""
    if relay:
        text += f'smtp = {{ host = "127.0.0.1", port = {relay}, tls = "none" }}\n'
    return text


def tickets(url: str, name: str = "tickets", *, timeout: float = 5, more: str = "") -> str:
    """A ticket system that takes signed events."""
    return f"""\
[backends.{name}]
type = "webhook"
url = "{url}"
secrets = ["{SECRET}"]
timeout = {timeout}
{more}
"""


def plugins(*names: str, files: Sequence[Path] = ()) -> str:
    """Enable plugins: the gateway's own by name, others by file."""
    text = "".join(f"[plugins.{name}]\n" for name in names)
    return text + "".join(f'[plugins.{path.stem}]\npath = "{path}"\n' for path in files)
