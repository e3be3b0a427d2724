"""Proof that a request is Kannel's.

Kannel signs nothing. What it can do is call an address that nobody else knows, from where it runs: a
message's webhook has the configured secret in its path, and a report's has a code made of that secret and
of what it reports on. So whoever reads one report's address, in Kannel's database or log, can tell of that
one delivery only. Over a network this needs TLS.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from gateway import WebRequest
from gateway_sms_voice.providers.contract import NotProven

CODE = "code"
CODE_LENGTH = 32


class Proof:
    """Proves requests.

    Args:
        secret: stands in the address of incoming messages.
        allowed: addresses and networks that Kannel calls from.
    """

    def __init__(self, secret: str, allowed: Sequence[str]) -> None:
        self._secret = secret.encode()
        self._allowed = tuple(ip_network(one, strict=False) for one in allowed)

    def code(self, delivery: str, part: str, parts: str) -> str:
        """Make the code that proves reports on one part of a delivery."""
        what = f"report\0{delivery}\0{part}\0{parts}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, what, hashlib.sha256).hex()[:CODE_LENGTH]

    def verify(self, request: WebRequest) -> None:
        """Prove one request.

        Raises:
            NotProven: it comes from elsewhere, or does not know the secret.
        """
        if not self._is_allowed(request.peer):
            raise NotProven(
                "it comes from an address that allowed_ips does not name; behind a proxy, see "
                "trusted_proxies"
            )
        params = request.params
        if "delivery" in params:
            given = dict(request.query).get(CODE, "")
            code = self.code(*(params.get(name, "") for name in ("delivery", "part", "parts")))
            if not _same(code.encode(), given):
                raise NotProven("its code does not prove a report on that delivery")
        elif not _same(self._secret, params.get("secret", "")):
            raise NotProven("its path does not hold the webhook_secret; see Kannel's post-url")

    def _is_allowed(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any(
            address in network or (mapped is not None and mapped in network)
            for network in self._allowed
        )


def _same(expected: bytes, given: str) -> bool:
    return hmac.compare_digest(expected, given.encode("utf-8", "replace"))
