"""Join the soft-broken lines of format=flowed text (RFC 3676)."""

from __future__ import annotations


def unflowed(text: str, *, delete_space: bool = False) -> str:
    """Return ``text`` with its soft line breaks undone.

    A line that ends in a blank goes on in the next one of the same quote depth; the signature
    separator ``-- `` never does (RFC 3676 §4.3).
    """
    out: list[str] = []
    open_depth = -1
    pieces: list[str] = []
    for line in text.split("\n"):
        rest = line.lstrip(">")
        depth = len(line) - len(rest)
        rest = rest.removeprefix(" ")
        separator = rest in ("-- ", "--")
        if pieces and (depth != open_depth or separator):
            out.append("".join(pieces))
            pieces = []
        if not pieces:
            pieces.append(">" * depth + " " if depth else "")
            open_depth = depth
        if rest.endswith(" ") and not separator:
            pieces.append(rest[:-1] if delete_space else rest)
        else:
            out.append("".join([*pieces, rest]))
            pieces = []
    if pieces:
        out.append("".join(pieces))
    return "\n".join(out)
