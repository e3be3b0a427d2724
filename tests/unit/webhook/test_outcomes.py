"""What becomes of an event that a receiver does not take: the right kind, and words that help."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway import (
    AuthenticationFailed,
    ConnectorError,
    Forward,
    OutcomeUnknown,
    Rejected,
    Secret,
    Suspended,
    TargetBroken,
    Throttled,
    TicketRef,
    Unreachable,
)
from gateway.testing import Surroundings
from gateway_webhook.backend import WebhookBackend
from gateway_webhook.outcomes import seconds_of
from gateway_webhook.settings import WebhookSettings
from tests.unit.webhook.receiver import Receiver, receiving

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
FORWARD = Forward(
    key="k1", tenant="default", conversation="conv_1", message="msg_1", channel="mail", text="Hi"
)


def make(url: str, around: Surroundings | None = None, **settings: Any) -> WebhookBackend:
    """Make a backend that posts there."""
    around = around or Surroundings()
    return WebhookBackend(
        around.context(WebhookSettings(url=url, secrets=(Secret(SECRET),), **settings))
    )


async def failed(backend: WebhookBackend) -> ConnectorError:
    """Open a ticket in vain and give the error."""
    with pytest.raises(ConnectorError) as caught:
        await backend.open_ticket(FORWARD)
    return caught.value


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Run a receiver."""
    async with receiving() as receiver:
        yield receiver


@pytest.mark.parametrize(
    ("status", "kind", "code", "words"),
    [
        (301, TargetBroken, "redirected", "put the final address into url"),
        (304, TargetBroken, "redirected", "put the final address into url"),
        (400, Rejected, "http_400", "it refuses this event"),
        (401, AuthenticationFailed, "authentication_failed", "compare the secrets on both sides"),
        (403, AuthenticationFailed, "authentication_failed", "compare the secrets on both sides"),
        (404, Rejected, "http_404", "it refuses this event"),
        (408, TargetBroken, "http_408", "it failed"),
        (410, Suspended, "gone", "it wants no events any more"),
        (413, Rejected, "http_413", "it refuses this event"),
        (422, Rejected, "http_422", "it refuses this event"),
        (429, Throttled, "http_429", "it asks for a pause"),
        (500, TargetBroken, "http_500", "it failed"),
        (502, Throttled, "http_502", "it asks for a pause"),
        (503, Throttled, "http_503", "it asks for a pause"),
        (504, Throttled, "http_504", "it asks for a pause"),
    ],
)
async def test_every_status_has_its_meaning(
    receiver: Receiver, status: int, kind: type[ConnectorError], code: str, words: str
) -> None:
    """Each status becomes the error the outbox acts on, in a sentence that names the receiver."""
    receiver.say(status, location="http://127.0.0.1:1/other")
    error = await failed(make(receiver.url))
    assert (kind, code) == (type(error), error.reason_code)
    assert str(error).startswith(f"{receiver.url.removesuffix('/hook')} answered {status}")
    assert words in str(error)
    assert 1 == len(receiver.requests)


async def test_the_receiver_may_name_its_reason(receiver: Receiver) -> None:
    """A refusal's JSON may hold a code, such as ticket_closed, which opens a new ticket."""
    receiver.say(409, body={"code": "ticket_closed", "detail": "secret words"})
    with pytest.raises(Rejected) as caught:
        await make(receiver.url).add_entry(TicketRef(external_id="7"), FORWARD)
    assert "ticket_closed" == caught.value.reason_code
    assert "secret words" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [{"code": "Not a code!"}, {"code": 7}, [], b"\xff", b"[" * 60_000, b"x" * 80_000]
)
async def test_a_reason_that_is_none_is_passed_over(receiver: Receiver, body: Any) -> None:
    """Whatever a refusal's body holds, the status decides."""
    receiver.say(409, body=body)
    assert "http_409" == (await failed(make(receiver.url))).reason_code


@pytest.mark.parametrize("status", [429, 503])
async def test_a_pause_is_passed_on(receiver: Receiver, status: int) -> None:
    """Retry-After in seconds reaches the outbox."""
    receiver.say(status, retry_after="17")
    assert 17.0 == (await failed(make(receiver.url))).retry_after


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 60.0),
        ("Thu, 01 Jan 1970 00:01:40", 60.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("٣", None),
        ("9" * 400, None),
        ("Thu, 99 Jan 1970 00:01:40 GMT", None),
    ],
)
def test_retry_after_is_read_in_either_form(header: str, expected: float | None) -> None:
    """Seconds and dates are read, a past date is now, and anything else is no wish at all."""
    assert expected == seconds_of(header, 40.0)


async def test_a_refused_connection_is_unreachable() -> None:
    """Nothing listens there: nothing was sent."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        error = await failed(make(f"{url}/hook?token=hunter2"))
    assert (Unreachable, True) == (type(error), error.retryable)
    assert f"{url} cannot be connected to: Connection refused" == str(error)


async def test_a_host_that_does_not_exist_is_unreachable() -> None:
    """A name that DNS does not know is named as such."""
    error = await failed(make("http://nowhere.invalid/hook"))
    assert (Unreachable, "no_host") == (type(error), error.reason_code)
    assert "http://nowhere.invalid: there is no such host; check url and DNS" == str(error)


async def test_a_connection_that_is_not_made_in_time_is_unreachable() -> None:
    """A server that accepts and never shakes hands got nothing, so trying again is safe."""
    done = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()

    async with raw_server(silent) as port:
        error = await failed(make(f"https://127.0.0.1:{port}/hook", timeout=0.3))
        done.set()
    assert (Unreachable, f"https://127.0.0.1:{port} did not take a connection in time") == (
        type(error),
        str(error),
    )


async def test_no_answer_in_time_is_unknown(receiver: Receiver) -> None:
    """A receiver that takes the event and is silent may have stored it."""
    silent = asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        await silent.wait()
        return web.Response()

    receiver.answer = wait
    error = await failed(make(receiver.url, timeout=0.2))
    silent.set()
    assert (OutcomeUnknown, "timeout", 1) == (
        type(error),
        error.reason_code,
        len(receiver.requests),
    )
    assert str(error).endswith(" did not answer within 0.2 s")


Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(connected: Connected, **options: Any) -> AsyncIterator[int]:
    """Run a server that speaks as `connected` says, and give its port."""
    server = await asyncio.start_server(connected, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    "spoken",
    [
        b"",
        b"HTTP/1.1 20",
        b"Hello!\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_a_connection_lost_after_sending_is_unknown(spoken: bytes) -> None:
    """Whoever breaks off after reading the event, before or in the answer, may have stored it."""

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(spoken)
        writer.close()
        await writer.wait_closed()

    async with raw_server(break_off) as port:
        error = await failed(make(f"http://127.0.0.1:{port}/hook"))
    assert (OutcomeUnknown, "connection_lost") == (type(error), error.reason_code)
    assert str(error).startswith(f"http://127.0.0.1:{port} broke off before its answer")


async def test_a_refusal_counts_though_its_body_breaks_off() -> None:
    """The status of a refusal is enough."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 400 Bad\r\ncontent-length: 100\r\n\r\n{")
        writer.close()
        await writer.wait_closed()

    async with raw_server(refuse) as port:
        assert isinstance(await failed(make(f"http://127.0.0.1:{port}/hook")), Rejected)


def certificate(folder: Path, *, days: tuple[int, int], host: str) -> ssl.SSLContext:
    """Make a server's TLS with a self-signed certificate, valid from and until days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(tz=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    with pem.open("ab") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.mark.parametrize(
    ("trusted", "days", "host", "code", "words"),
    [
        (True, (-10, -1), "localhost", "certificate_expired", "its certificate has expired"),
        (True, (1, 10), "localhost", "certificate_not_yet_valid", "is not valid yet"),
        (True, (-1, 10), "example.org", "certificate_wrong_host", "is for another host name"),
        (False, (-1, 10), "localhost", "certificate_untrusted", "is self-signed"),
    ],
)
async def test_a_bad_certificate_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trusted: bool,
    days: tuple[int, int],
    host: str,
    code: str,
    words: str,
) -> None:
    """An expired, early, foreign or self-made certificate stops the event and is told apart."""
    server_tls = certificate(tmp_path, days=days, host=host)
    around = Surroundings()
    if trusted:
        trust(around, tmp_path / "certificate.pem")

    async def nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the refused handshake
    async with raw_server(nothing, ssl=server_tls) as port:
        error = await failed(make(f"https://localhost:{port}/hook", around))
    assert (Unreachable, code) == (type(error), error.reason_code)
    assert str(error).startswith(f"https://localhost:{port} is not talked to: ")
    assert words in str(error)


def trust(around: Surroundings, pem: Path) -> None:
    """Make outgoing sessions trust a certificate, as the system's own store would."""
    plain = around.http.session
    tls = ssl.create_default_context(cafile=str(pem))

    def session(**options: Any) -> Any:
        return plain(ssl=tls, **options)

    around.http.session = session  # type: ignore[method-assign]


async def test_a_server_without_tls_is_named(receiver: Receiver) -> None:
    """An https URL towards a plain http port says that TLS is what failed, and that nothing was sent."""
    error = await failed(make(receiver.url.replace("http:", "https:")))
    assert (Unreachable, "tls") == (type(error), error.reason_code)
    assert "does not speak TLS as we do" in str(error)


async def test_no_error_shows_what_is_secret(receiver: Receiver) -> None:
    """Neither the URL's query nor the signing secret nor the message is in what operators read."""
    receiver.say(400, body={"detail": "Hi"})
    error = await failed(make(f"{receiver.url}?token=hunter2"))
    for secret in ("hunter2", SECRET, SECRET[6:], "Hi"):
        assert secret not in str(error)
