"""Templates: everything people wrote is escaped, and nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib.resources import files
from typing import Any

from aiohttp import web
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from gateway.web.problems import KINDS, Problem
from gateway.web.services import Services

POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_ROOM = files("gateway.web")


def _environment() -> Environment:
    """Read every template when this module is imported; one is compiled when it is first shown."""
    sources = {
        file.name: file.read_text("utf-8")
        for file in _ROOM.joinpath("templates").iterdir()
        if file.name.endswith(".html")
    }
    environment = Environment(
        loader=DictLoader(sources), autoescape=True, undefined=StrictUndefined, auto_reload=False,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["when"] = _when
    return environment


def _when(moment: datetime | None) -> Markup:
    """Write a moment for people and for machines."""
    if moment is None:
        return Markup("–")
    return Markup('<time datetime="{}">{}</time>').format(
        moment.isoformat(), moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    )


ENVIRONMENT = _environment()
STYLE = _ROOM.joinpath("static", "console.css").read_bytes()


def render(services: Services, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """Render a page."""
    menu = [(f"/pages/{plugin}{page.path}", page.title) for plugin, page in services.console_pages]
    text = ENVIRONMENT.get_template(template).render(
        gateway=services.name, version=services.version, menu=menu, **values
    )
    return web.Response(
        status=status,
        text=text,
        content_type="text/html",
        charset="utf-8",
        headers={"Content-Security-Policy": POLICY},
    )


def problem_page(services: Services) -> Callable[[web.Request, Problem], web.Response]:
    """Make what shows a problem as a page; nobody needs to be known for it, so it has no menu."""

    def show(_: web.Request, problem: Problem) -> web.Response:
        text = ENVIRONMENT.get_template("problem.html").render(
            gateway=services.name, version=services.version, menu=(), detail=problem.detail,
            title=KINDS[problem.code].title, code=problem.code,
        )  # fmt: skip
        headers = {**problem.headers, "Content-Security-Policy": POLICY}
        return web.Response(
            status=problem.status, text=text, content_type="text/html", charset="utf-8",
            headers=headers,
        )  # fmt: skip

    return show


def style() -> web.Response:
    """Answer with the style sheet."""
    return web.Response(
        body=STYLE, content_type="text/css", headers={"Cache-Control": "public, max-age=3600"}
    )
