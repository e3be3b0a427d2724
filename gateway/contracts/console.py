"""Pages that a plugin adds to the console."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from gateway.contracts.web import WebRequest


class ConsolePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the console.

    Args:
        name: unique, for links; lower-case letters, digits and hyphens.
        title: what stands in the menu and above the page.
        path: below ``/pages/PLUGIN``, beginning with a slash.
        render: gives the page's inner HTML; whatever people wrote must be escaped in it.
    """

    name: str
    title: str
    path: str
    render: Callable[[WebRequest], Awaitable[str]]
