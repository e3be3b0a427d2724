"""Who calls the API: tokens, and what they allow."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.config.server import ApiToken, Scope
from gateway.store.operations import Tenants
from gateway.web.problems import Problem

ALL_TENANTS = "*"
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="intake-gateway"'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody with a token.

    Args:
        name: the token's name in the config.
        tenants: whose records they may see; None means all.
    """

    name: str
    scopes: frozenset[Scope]
    tenants: Tenants

    @property
    def who(self) -> str:
        """How decisions name them."""
        return f"API token {self.name!r}"

    def may(self, scope: Scope) -> bool:
        """Whether a scope is theirs; ``admin`` has them all."""
        return scope in self.scopes or "admin" in self.scopes

    def needs(self, scope: Scope) -> None:
        """Refuse who has not got a scope.

        Raises:
            Problem: 403.
        """
        if not self.may(scope):
            has = ", ".join(sorted(self.scopes))
            raise Problem(
                "forbidden", f"This needs the scope {scope!r}; the token {self.name!r} has: {has}."
            )


def find_caller(tokens: Mapping[str, ApiToken], sent: str) -> Caller | None:
    """Find whose token it is; every token is compared, in constant time."""
    found: Caller | None = None
    for name, token in tokens.items():
        if token.token.matches(sent):
            tenants = None if ALL_TENANTS in token.tenants else frozenset(token.tenants)
            found = Caller(name=name, scopes=frozenset(token.scopes), tenants=tenants)
    return found


def read_bearer(tokens: Mapping[str, ApiToken], authorization: str) -> Caller:
    """Read who calls from an ``Authorization: Bearer`` header (RFC 6750).

    Raises:
        Problem: 401.
    """
    scheme, _, sent = authorization.partition(" ")
    if not tokens:
        detail = "No tokens are configured: add [api.tokens.NAME] to the configuration."
    elif not authorization:
        detail = "Send a token of the configuration: Authorization: Bearer TOKEN."
    elif scheme.lower() != "bearer":
        detail = "The Authorization header has to be: Bearer TOKEN."
    elif caller := find_caller(tokens, sent.strip()):
        return caller
    else:
        detail = "The token is not one of the configuration."
    raise Problem("unauthenticated", detail, headers=CHALLENGE)


def read_basic(tokens: Mapping[str, ApiToken], authorization: str) -> Caller | None:
    """Read who calls from an ``Authorization: Basic`` header whose password is a token (RFC 7617)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        _, _, sent = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except ValueError:  # not base64, not ASCII or not UTF-8
        return None
    return find_caller(tokens, sent)
