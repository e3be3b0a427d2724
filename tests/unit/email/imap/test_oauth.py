"""Access tokens from a token server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from gateway_email.imap import OAuthError, OAuthGrant, OAuthRefused, TokenSource


@dataclass
class TokenServer:
    """Answers token requests in turn and keeps what it was sent."""

    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    now: float = 1000.0
    rotated: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append({key: str(value) for key, value in (await request.post()).items()})
        number = len(self.asked)
        status, body = (
            self.answers.pop(0)
            if self.answers
            else (200, {"access_token": f"t{number}", "expires_in": 3600})
        )
        return (
            web.Response(status=status, text=body)
            if isinstance(body, str)
            else web.json_response(body, status=status)
        )

    async def keep(self, token: str) -> None:
        self.rotated.append(token)


@contextlib.asynccontextmanager
async def serving(server: TokenServer, **grant: str) -> AsyncIterator[TokenSource]:
    """Run the token server and give a source that asks it."""
    app = web.Application()
    app.router.add_post("/token", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    clock: Callable[[], float] = lambda: server.now  # noqa: E731
    given = {"client_id": "app", "client_secret": "hush", "refresh_token": "r1", **grant}
    try:
        yield TokenSource(
            OAuthGrant(token_url=f"http://127.0.0.1:{port}/token", **given),
            clock=clock,
            on_rotation=server.keep,
            timeout=5,
        )
    finally:
        await runner.cleanup()


async def test_a_token_is_kept_until_five_minutes_before_its_end() -> None:
    """One request serves an hour less five minutes; then the token is renewed."""
    server = TokenServer()
    async with serving(server, scope="mail") as source:
        assert await source.token() == "t1"
        server.now += 3299
        assert await source.token() == "t1"
        server.now += 2
        assert await source.token() == "t2"
    assert server.asked[0] == {
        "grant_type": "refresh_token",
        "refresh_token": "r1",
        "client_id": "app",
        "client_secret": "hush",
        "scope": "mail",
    }


async def test_those_who_wait_share_one_request() -> None:
    """Ten who need a token at once cause one request."""
    server = TokenServer()
    async with serving(server) as source:
        assert await asyncio.gather(*(source.token() for _ in range(10))) == ["t1"] * 10


async def test_client_credentials() -> None:
    """Without a refresh token the application asks in its own name."""
    server = TokenServer()
    async with serving(server, refresh_token="", scope="s/.default") as source:
        await source.token()
    assert server.asked[0]["grant_type"] == "client_credentials"
    assert "refresh_token" not in server.asked[0]


async def test_a_new_refresh_token_is_kept_and_used() -> None:
    """A provider that replaces the refresh token is followed, and the new one is handed out to be stored."""
    server = TokenServer(
        answers=[(200, {"access_token": "t1", "expires_in": "300", "refresh_token": "r2"})]
    )
    async with serving(server) as source:
        await source.token()
        await source.token()
    assert server.rotated == ["r2"]
    assert [asked["refresh_token"] for asked in server.asked] == ["r1", "r2"]


async def test_a_refused_token_can_be_forgotten() -> None:
    """After a server refused a token before its time a new one is asked for."""
    async with serving(TokenServer()) as source:
        await source.token()
        source.forget()
        assert await source.token() == "t2"


async def test_an_outage_is_bridged_while_the_token_lasts() -> None:
    """When the token server is away the old token serves to its end, and not beyond."""
    server = TokenServer(
        answers=[(200, {"access_token": "t1"}), (503, "away"), (503, "away"), (503, "away")]
    )
    async with serving(server) as source:
        await source.token()
        server.now += 3400
        assert await source.token() == "t1"
        server.now += 200
        with pytest.raises(OAuthError, match="answered 503") as caught:
            await source.token()
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            400,
            {"error": "invalid_grant", "error_description": "AADSTS70000:\r\n revoked"},
            "revoked.*grant access to the mailbox again",
        ),
        (401, {"error": "invalid_client"}, "check client_id and client_secret"),
        (
            400,
            {"error": "invalid_scope", "error_description": "nope"},
            "invalid_scope: nope; check scope",
        ),
        (404, "<html>", "answered 404"),
        (302, "moved", "answered 302"),
    ],
)
async def test_refusals_are_told_apart(status: int, body: Any, words: str) -> None:
    """A grant that is void needs a person, and says what for; no secret is in the text."""
    async with serving(TokenServer(answers=[(status, body)])) as source:
        with pytest.raises(OAuthRefused, match=words) as caught:
            await source.token()
    assert not caught.value.retryable
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "junk"),
        (200, {"token": "x"}),
        (200, {"access_token": "x", "expires_in": "soon"}),
        (429, {}),
        (400, {"error": "temporarily_unavailable"}),
    ],
)
async def test_answers_that_are_none_can_be_asked_again(status: int, body: Any) -> None:
    """Junk and overload are the provider's trouble and may pass."""
    async with serving(TokenServer(answers=[(status, body)])) as source:
        with pytest.raises(OAuthError) as caught:
            await source.token()
        assert caught.value.retryable
        assert await source.token() == "t2"


async def test_nobody_there() -> None:
    """A token server that cannot be reached is named."""
    async with serving(TokenServer()) as source:
        pass
    with pytest.raises(OAuthError, match="cannot be asked"):
        await source.token()


def test_secrets_go_encrypted_only() -> None:
    """A token endpoint without https on another machine is refused at once."""
    with pytest.raises(ValueError, match="https"):
        TokenSource(OAuthGrant(token_url="http://login.example.com/token", client_id="a"))


def test_presets() -> None:
    """The two large providers need only what is peculiar to the mailbox."""
    gmail = OAuthGrant.gmail(client_id="a", client_secret="hush", refresh_token="hush2")
    assert gmail.token_url == "https://oauth2.googleapis.com/token"
    person = OAuthGrant.microsoft365(tenant="t1", client_id="a", refresh_token="hush")
    assert (
        person.token_url,
        "IMAP.AccessAsUser.All" in person.scope and "offline_access" in person.scope,
    ) == ("https://login.microsoftonline.com/t1/oauth2/v2.0/token", True)
    application = OAuthGrant.microsoft365(tenant="t1", client_id="a", client_secret="hush")
    assert application.scope == "https://outlook.office365.com/.default"
    assert "hush" not in repr([gmail, person, application])
