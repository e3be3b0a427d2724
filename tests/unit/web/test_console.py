"""The pages for people."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gateway.config.addresses import Listen
from gateway.config.server import ApiSettings, WebSettings
from gateway.contracts.console import ConsolePage
from gateway.contracts.web import WebRequest
from gateway.domain.health import Health
from gateway.domain.ids import show
from gateway.store.operations import Cursor, DeliveryFilter
from tests.unit.web.client import Client
from tests.unit.web.world import World, serving, token

OUTSIDE = WebSettings(listen=Listen("0.0.0.0", 8080))
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = ("/", "/quarantine", "/dead-letters")


def _basic(name: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"me:{token(name)}".encode()).decode()}


async def test_overview_tells_what_is_sick_and_decided(world: World) -> None:
    """The first page names sick parts, what waits, and the latest decisions with their reasons."""
    services = world.services()
    services.board.report("backend/rt", Health(state="down", code="tls", reason="<expired>"))
    async with serving(services) as client:
        page = (await client.get("/")).text
    assert "backend/rt" in page
    assert "&lt;expired&gt;" in page
    assert "<dt>Arrivals</dt><dd>0</dd>" in page
    assert "<dd>3</dd>" in page
    assert "the rule &lt;i&gt;kettle&lt;/i&gt; fits" in page
    assert "The kettle [card …1111]" in page
    assert "<td>Ada kettle@example.org</td>\n<td>default</td>" in page


async def test_all_is_well_only_if_nothing_rests(world: World) -> None:
    """What rests in quarantine, is dead or unknown needs somebody, as far as the caller may see it."""
    store = world.store
    async with serving(world.services()) as client:
        page = (await client.get("/")).text
        assert "Every part is well." in page
        assert (
            '<a href="/quarantine">quarantine</a>, <a href="/dead-letters">dead letters</a>' in page
        )
        operator = world.services().operator
        for one in await store.quarantine(None, Cursor()):
            await operator.discard_arrival(None, one.arrival.id, "ada")
        letters = await store.deliveries(None, DeliveryFilter(states=("dead", "unknown")), Cursor())
        for letter in letters[1:]:
            await operator.settle_delivery(None, letter.id, "discard", "ada")
        page = (await client.get("/")).text
        assert 'look at: <a href="/dead-letters">dead letters</a>.' in page
        assert "Everything is well." not in page
        await operator.settle_delivery(None, letters[0].id, "discard", "ada")
        page = (await client.get("/")).text
        assert "Everything is well." in page
        assert "Somebody has to look at" not in page


@pytest.mark.parametrize("path", [*PAGES, "/conversations/{}"])
async def test_unknown_parameters_are_refused(client: Client, world: World, path: str) -> None:
    """A typing error in a page's address is told, as by the API."""
    kettle = show("conv", world.ids["kettle"])
    got = await client.get(path.format(kettle) + "?befor=x", headers=BROWSER)
    assert got.status == 422
    assert "query.befor: it is not known here" in got.text


async def test_browsers_are_told_in_pages(world: World) -> None:
    """People read of an error in a page, programs in a document; a challenge stays one."""
    kettle = f"/api/v1/conversations/{show('conv', world.ids['kettle'])}"
    async with serving(world.services(web=OUTSIDE)) as client:
        closed = await client.get("/", headers=BROWSER)
        gone = await client.get("/nowhere<b>", headers=BROWSER)
        api = await client.get(kettle, headers=BROWSER)
        program = await client.get("/nowhere")
    assert (closed.status, gone.status) == (401, 404)
    for got in (closed, gone):
        assert got.headers["content-type"] == "text/html; charset=utf-8"
        assert got.headers["content-security-policy"].startswith("default-src 'none'; style-src")
    assert "<h1>A token is needed</h1>" in closed.text
    assert "Give an API token" in closed.text
    assert closed.headers["www-authenticate"].startswith("Basic ")
    assert "<h1>Nothing is there</h1>" in gone.text
    assert "<b>" not in gone.text
    for got in (api, program):
        assert got.headers["content-type"] == "application/problem+json"


async def test_conversation_page_shows_text_and_never_markup(client: Client, world: World) -> None:
    """A mail's text is shown escaped and redacted; its HTML is not shown at all."""
    page = (await client.get(f"/conversations/{show('conv', world.ids['kettle'])}")).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; kettle does not work, [card …1111]" in page
    assert "<script" not in page
    assert "<p>It does not work</p>" not in page
    assert "It does not work" not in page
    for shown in (
        "no conversation is named by it", "RT refuses the queue", "the connection broke",
        "requester: Ada email:kettle@example.org (asserted)", "T-kettle", "&gt; earlier",
        "film.mov", "too_large",
    ):  # fmt: skip
        assert shown in page, shown


async def test_conversation_page_pages(client: Client, world: World) -> None:
    """Messages after a cursor are shown without those before it."""
    path = f"/conversations/{show('conv', world.ids['kettle'])}"
    cursor = (await client.get(f"/api/v1{path}/messages?limit=1", as_="reader")).json["next"]
    page = (await client.get(f"{path}?after={cursor}")).text
    assert "Plug it in." in page
    assert "does not work" not in page


async def test_links_are_shown(client: Client, world: World) -> None:
    """A merge is shown on the page of both conversations."""
    one, into = (show("conv", world.ids[name]) for name in ("kettle", "toaster"))
    await client.post(f"/api/v1/conversations/{one}/merge", as_="operator", json={"into": into})
    mine = (await client.get(f"/conversations/{one}")).text
    page = (await client.get(f"/conversations/{into}")).text
    for shown in (mine, page):
        assert f'<a href="/conversations/{one}">{one}</a> merged_into' in shown
    assert "merged by API token &#39;operator&#39;" in page
    assert f'from the merged <a href="/conversations/{one}">' in page


async def test_quarantine_and_dead_letters(client: Client, world: World) -> None:
    """What needs a person is listed with its reason and the command that helps."""
    quarantine = (await client.get("/quarantine")).text
    assert "&lt;poison&gt; cannot be read" in quarantine
    assert show("arr", world.ids["arrival_poison"]) in quarantine
    assert "gateway quarantine replay" in quarantine
    letters = (await client.get("/dead-letters")).text
    assert "RT refuses the queue" in letters
    assert "gateway dead-letters replay" in letters


@pytest.mark.parametrize("path", PAGES)
async def test_headers_forbid_everything_foreign(client: Client, path: str) -> None:
    """Pages run no script, load nothing from elsewhere, and stand in no frame."""
    headers = (await client.get(path)).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-type"] == "text/html; charset=utf-8"


async def test_style_sheet_is_served(client: Client) -> None:
    """The one style sheet comes from the gateway itself."""
    got = await client.get("/console.css")
    assert (got.status, got.headers["content-type"]) == (200, "text/css")
    assert b"color-scheme" in got.body


@pytest.mark.parametrize("path", [*PAGES, "/conversations/conv_0000000000000", "/pages/x/y"])
async def test_outside_needs_a_token(world: World, path: str) -> None:
    """When the gateway listens to the world, no page is open, not even to this machine."""

    async def render(_: WebRequest) -> str:
        return "inner"

    page = ConsolePage(name="y", title="Y", path="/y", render=render)
    async with serving(world.services(web=OUTSIDE, console_pages=[("x", page)])) as client:
        closed = await client.get(path)
        wrong = await client.get(path, headers={"Authorization": "Basic bm9uc2Vuc2U="})
        odd = await client.get(path, headers={"Authorization": "Basic ü"})
        bearer = await client.get(path, as_="admin")
    for got in (closed, wrong, odd, bearer):
        assert got.status == 401
        assert got.headers["www-authenticate"] == 'Basic realm="intake-gateway", charset="UTF-8"'
    assert "Give an API token" in closed.json["detail"]


async def test_token_is_the_password(world: World) -> None:
    """A token with the scope read opens the pages, for its own tenants only."""
    async with serving(world.services(web=OUTSIDE)) as client:
        mine = await client.get("/", headers=_basic("reader"))
        theirs = await client.get("/", headers=_basic("foreign"))
        writer = await client.get("/", headers=_basic("writer"))
        kettle = f"/conversations/{show('conv', world.ids['kettle'])}"
        foreign = await client.get(kettle, headers=_basic("foreign"))
    assert mine.status == theirs.status == 200
    assert "The toaster" in mine.text
    assert "Nobody else" not in mine.text
    assert "The toaster" not in theirs.text
    assert "What waits" not in mine.text
    assert (writer.status, foreign.status) == (403, 404)


async def test_sick_parts_of_other_tenants_are_not_shown(world: World) -> None:
    """The first page tells a tenant's token of that tenant's parts only."""
    services = world.services(web=OUTSIDE)
    services.board.report("backend/theirs", Health(state="down", code="tls", reason="expired"))
    async with serving(services) as client:
        mine = (await client.get("/", headers=_basic("reader"))).text
        theirs = (await client.get("/", headers=_basic("foreign"))).text
    assert ("backend/theirs" in mine, "backend/theirs" in theirs) == (False, True)


async def test_closed_without_tokens(world: World) -> None:
    """Without tokens, pages that listen to the world are closed and say what to add."""
    async with serving(world.services(web=OUTSIDE, api=ApiSettings())) as client:
        got = await client.get("/")
    assert (got.status, got.json["detail"]) == (
        401, "No tokens are configured: add [api.tokens.NAME] to the configuration.",
    )  # fmt: skip


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "gateway.example.org"},
        {"Host": "rebound.evil.example:8080"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Via": "1.1 proxy"},
    ],
)
async def test_loopback_is_not_lent(client: Client, headers: dict[str, str]) -> None:
    """A proxy on this machine, or a web page that rebinds its name, does not open the pages."""
    assert (await client.get("/", headers=headers)).status == 401


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]:8080", "LOCALHOST.:1"])
async def test_loopback_names(client: Client, host: str) -> None:
    """The pages are open under this machine's own names."""
    assert (await client.get("/", headers={"Host": host})).status == 200


async def test_plugin_page(world: World) -> None:
    """A plugin's page is below /pages/NAME, in the menu, and sees no credentials."""
    seen: list[WebRequest] = []

    async def render(request: WebRequest) -> str:
        seen.append(request)
        return "<p>42 tickets</p>"

    page = ConsolePage(name="stats", title="Statistics & more", path="/stats", render=render)
    services = world.services(console_pages=[("survey", page)], web=OUTSIDE)
    async with serving(services) as client:
        got = await client.get("/pages/survey/stats?since=1", headers=_basic("admin"))
        limited = await client.get("/pages/survey/stats", headers=_basic("reader"))
    assert "<p>42 tickets</p>" in got.text
    assert '<a href="/pages/survey/stats">Statistics &amp; more</a>' in got.text
    assert [(one.path, one.query) for one in seen] == [("/stats", (("since", "1"),))]
    assert "authorization" not in seen[0].headers
    assert (limited.status, limited.json["detail"]) == (
        403, "A plugin's page may show every tenant; this needs a token for all of them.",
    )  # fmt: skip


async def test_failing_plugin_page_harms_only_itself(world: World) -> None:
    """A plugin page that raises is a 500 of its own."""

    async def render(_: WebRequest) -> str:
        raise ValueError("private")

    page = ConsolePage(name="stats", title="Statistics", path="/stats", render=render)
    async with serving(world.services(console_pages=[("survey", page)])) as client:
        got: Any = await client.get("/pages/survey/stats")
        assert (await client.get("/")).status == 200
    assert (got.status, b"private" in got.body) == (500, False)


@pytest.mark.parametrize("path", ["/conversations/nonsense", "/conversations/conv_0000000000000"])
async def test_missing_conversation(client: Client, path: str) -> None:
    """A conversation that is not there is a 404."""
    assert (await client.get(path)).status == 404
