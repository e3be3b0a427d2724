"""Message identifiers are found, with their brackets."""

from __future__ import annotations

import pytest

from gateway_email.reading.identifiers import read_identifier, read_identifiers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<a@b.example>", ("<a@b.example>",)),
        ("<a@b.example> <c@d.example>", ("<a@b.example>", "<c@d.example>")),
        ("<a@b.example><c@d.example>,<a@b.example>", ("<a@b.example>", "<c@d.example>")),
        ("<very-long @b.example>", ("<very-long@b.example>",)),
        ("a@b.example", ("<a@b.example>",)),
        ("Your message of Monday <a@b.example>", ("<a@b.example>",)),
        ("Your message of Monday from jane@b.example", ()),
        ("=?utf-8?q?=3Ca=40b=2Eexample=3E?=", ("<a@b.example>",)),
        ("<<<<@@>>", ()),
        ("<>", ()),
        ("", ()),
        ("<" + "a" * 3_000 + ">", ()),
    ],
)
def test_identifiers_are_read(text: str, expected: tuple[str, ...]) -> None:
    """Blanks from folding go, prose gives nothing, broken forms do not raise (F8)."""
    assert expected == read_identifiers(text)


def test_the_first_reference_is_always_kept() -> None:
    """Of very many references the first and the last are kept."""
    found = read_identifiers(" ".join(f"<{n}@x.example>" for n in range(1_000)))
    assert len(found) == 200
    assert (found[0], found[-1]) == ("<0@x.example>", "<999@x.example>")


def test_no_identifier_is_none() -> None:
    """A mail without an identifier has None, not an empty one."""
    assert read_identifier("") is None
