"""Read what our own border found out about the sender (RFC 8601)."""

from __future__ import annotations

import re
from collections.abc import Collection

from gateway_email.reading.encoded_words import raw_text
from gateway_email.reading.fields import Fields
from gateway_email.reading.mail import AuthVerdict

_RESULTS = frozenset(
    [
        "pass",
        "fail",
        "softfail",
        "neutral",
        "none",
        "temperror",
        "permerror",
        "policy",
        "bestguesspass",
        "hardfail",
    ]
)
_METHOD = re.compile(r"^\s*([a-z0-9-]{1,30})(?:/\d{1,3})?\s*=\s*([a-z0-9-]{1,30})", re.IGNORECASE)
_DOMAIN = re.compile(r"header\.(?:d|i)\s*=\s*\"?@?([a-z0-9._-]{1,255})", re.IGNORECASE)
_FROM_DOMAIN = re.compile(
    r"header\.from\s*=\s*\"?(?:[^\s\"@]{0,64}@)?([a-z0-9._-]{1,255})", re.IGNORECASE
)
_MAX_LENGTH = 10_000
_MAX_DOMAINS = 10


def read_verdict(fields: Fields, trusted: Collection[str], from_domain: str = "") -> AuthVerdict:
    """Return the results for SPF, DKIM and DMARC, each ``none`` when our border gave none.

    Only fields whose authserv-id is trusted count, from the topmost such field down to the next
    Received field: whatever a sender wrote lies below the line of the server that took the mail.
    Of several results for one method the topmost counts; for DKIM one ``pass`` is enough.

    Args:
        fields: the header of the mail.
        trusted: the authserv-ids of the operator's own servers, any case.
        from_domain: of the address shown as the sender; a DMARC result that names another domain
            (``header.from``, RFC 8601 section 2.7.2) says nothing about this sender.
    """
    ids = {one.lower() for one in trusted}
    if not ids or "authentication-results" not in fields:
        return AuthVerdict()
    found: dict[str, str] = {}
    domains: list[str] = []
    authserv_id = ""
    for name, value in fields.items:
        lower = name.lower()
        if authserv_id and lower in ("received", "x-received"):
            break
        if lower != "authentication-results":
            continue
        clauses = _clauses(raw_text(value)[:_MAX_LENGTH])
        claimed = clauses[0].split()[0].lower() if clauses[0].split() else ""
        if claimed in ids:
            authserv_id = authserv_id or claimed
            _take(clauses[1:], found, domains, from_domain.lower())
    return AuthVerdict(
        spf=found.get("spf", "none"),
        dkim=found.get("dkim", "none"),
        dmarc=found.get("dmarc", "none"),
        authserv_id=authserv_id,
        dkim_domains=tuple(dict.fromkeys(domains))[:_MAX_DOMAINS],
    )


def _take(clauses: list[str], found: dict[str, str], domains: list[str], from_domain: str) -> None:
    seen_here: dict[str, str] = {}
    for clause in clauses:
        match = _METHOD.match(clause)
        if match is None:
            continue
        method, result = match.group(1).lower(), match.group(2).lower()
        if result == "hardfail":
            result = "fail"
        if result not in _RESULTS:
            continue
        named = _FROM_DOMAIN.search(clause) if method == "dmarc" and from_domain else None
        if named is not None and named.group(1).lower() != from_domain:
            continue
        if method == "dkim" and result == "pass":
            seen_here["dkim"] = "pass"
            if domain := _DOMAIN.search(clause):
                domains.append(domain.group(1).rpartition("@")[2].lower())
        else:
            seen_here.setdefault(method, result)
    for method, result in seen_here.items():
        found.setdefault(method, result)


def _clauses(text: str) -> list[str]:
    """Split at ``;`` outside quotes, and drop comments, in one pass (they may nest)."""
    out: list[list[str]] = [[]]
    depth, quoted, skip = 0, False, False
    for sign in text:
        if skip:
            skip = False
        elif sign == "\\" and (quoted or depth):
            skip = True
        elif sign == '"' and not depth:
            quoted = not quoted
        elif sign == "(" and not quoted:
            depth += 1
        elif sign == ")" and not quoted and depth:
            depth -= 1
        elif sign == ";" and not quoted and not depth:
            out.append([])
        elif not depth:
            out[-1].append(sign)
    return ["".join(piece) for piece in out]
