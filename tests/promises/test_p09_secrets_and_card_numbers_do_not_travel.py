"""Promise 9: secrets and card numbers are in no log, no answer and no ticket."""

from __future__ import annotations

import base64
import re
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import aiohttp
import pytest

from tests.promises.configs import BASE, QUICK_RETRIES, mailbox, plugins, tickets
from tests.promises.letters import Customer
from tests.promises.process import GatewayProcess, Launcher, gateway_process
from tests.promises.senders import send_once
from tests.promises.ticket_system import TicketSystem, ticket_system
from tests.servers.ports import free_port
from tests.servers.smtp_sink import start_smtp_sink

pytestmark = [pytest.mark.promise, pytest.mark.xdist_group("promise-9")]

CARDS = ("4111 1111 1111 1111", "5500-0055-5555-5559", "340000000000009")
SAID = "the parrot sings at midnight"


def _canary(name: str) -> str:
    return f"canary{name}{'q7z' * 10}"


def _whsec(name: str) -> str:
    return "whsec_" + base64.b64encode(_canary(name).encode()[:40]).decode()


SECRETS = {
    name: _canary(name)
    for name in ("token", "reply", "older", "smtp", "imap", "client", "refresh", "wrong")
} | {name: _whsec(name) for name in ("events", "callbacks")}

CONFIG = f"""\
[redaction]
card_numbers = ["forward", "log", "console"]
[api.tokens.secret]
token = "{SECRETS["token"]}"
[secrets]
reply_keys = ["{SECRETS["reply"]}", "{SECRETS["older"]}"]
[backends.second]
type = "webhook"
url = "http://127.0.0.1:{{nobody}}/hook?key={_canary("query")}"
secrets = ["{SECRETS["events"]}"]
reply_secrets = ["{SECRETS["callbacks"]}"]
[channels.reading]
type = "email"
address = "reading@example.com"
imap = {{ host = "127.0.0.1", port = {{nobody}}, tls = "none", user = "u", password = "{SECRETS["imap"]}" }}
[channels.modern]
type = "email"
address = "modern@example.com"
imap = {{ host = "127.0.0.1", port = {{nobody}}, tls = "none", user = "modern" }}
[channels.modern.oauth]
provider = "other"
client_id = "id"
token_url = "http://127.0.0.1:{{nobody}}/token"
client_secret = "{SECRETS["client"]}"
refresh_token = "{SECRETS["refresh"]}"
"""


def _leaks(text: str, *, words: bool) -> set[str]:
    """Which secrets are in a text; the beginning of one is enough.

    Args:
        words: whether what customers say must not be in it either.
    """
    found = {name for name, secret in SECRETS.items() if secret[:24] in text}
    found |= {"query"} if _canary("query")[:24] in text else set()
    digits = re.sub(r"[\s-]", "", text)
    found |= {card for card in CARDS if re.sub(r"[\s-]", "", card) in digits}
    return found | ({SAID} if words and SAID in text else set())


def _plain(login: tuple[bytes | str, bytes | str]) -> tuple[str, str]:
    user, password = (each.decode() if isinstance(each, bytes) else each for each in login)
    return user, password


async def _knock(gateway: GatewayProcess, system: TicketSystem) -> None:
    """Call in with wrong secrets and wrong bodies."""
    await system.reply(gateway.url, "T1", SAID, entry="1", name="second", secret=SECRETS["events"])
    await system.reply(gateway.url, "T1", f"{SAID} {CARDS[0]}", entry="2")
    headers = {"authorization": f"Bearer {SECRETS['wrong']}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{gateway.url}/api/v1/conversations") as response,
    ):
        assert 401 == response.status
        assert not _leaks(await response.text(), words=True)


async def test_no_secret_and_no_card_number_leaves_the_gateway(
    launcher: Launcher, tmp_path: Path
) -> None:
    """A canary in every secret setting, cards in a mail, everything failing: none comes out."""
    async with (
        ticket_system(TicketSystem()) as system,
        start_smtp_sink(login=("u", "another password")) as relay,
    ):
        config = BASE.replace('"json"', '"json"\nlog_level = "debug"') + QUICK_RETRIES
        config += plugins("email", "webhook") + tickets(system.url)
        config += mailbox().replace("lmtp =", "smtp = SMTP\nlmtp =") + CONFIG
        password = f'port = {relay.port}, tls = "none", user = "u", password = "{SECRETS["smtp"]}"'
        config = config.replace("SMTP", f'{{ host = "127.0.0.1", {password} }}')
        config = config.replace("{nobody}", str(free_port()))
        async with gateway_process(launcher, tmp_path, config) as gateway:
            ann = Customer(address="ann@example.net", port=gateway.lmtp)
            cards = ", ".join(CARDS)
            await ann.write("pay", f"My cards: {cards}. And {SAID}.", subject=f"Card {CARDS[0]}")
            ticket = await system.ticket_of("pay")
            await system.reply(gateway.url, ticket, "Here you are.", entry="0")
            await _knock(gateway, system)
            for part in ("outbox/channel/support", "channel/reading", "channel/modern"):
                assert not _leaks(await gateway.sick(part), words=True)
            assert [("u", SECRETS["smtp"])] == list(dict.fromkeys(map(_plain, relay.logins)))

            [entry] = [one for one in system.entries if one.ticket == ticket]
            assert SAID in entry.text
            assert not _leaks(str(entry.data), words=False)
            for command in (
                ("conversations",), ("plugins", "list"), ("dead-letters", "list"), ("schema",),
            ):  # fmt: skip
                assert not _leaks(await gateway.words(*command), words=False), command
            for path in ("/readyz", "/metrics", "/api/v1/health", "/api/v1/deliveries"):
                status, told = await gateway.get(path)
                assert 200 == status, path
                assert not _leaks(str(told), words=True), path
            await gateway.stop()
            log = gateway.log.read_text()
            for part in ("outbox/channel/support", "channel/reading", "channel/modern"):
                assert part in log
            assert not _leaks(log, words=True)


async def test_no_card_number_leaves_beside_the_text(launcher: Launcher, tmp_path: Path) -> None:
    """As somebody's name, a file's name, an address for answers or a receiver's, or with elements between its
    digits in the HTML, a card number is masked as well.
    """
    async with ticket_system(TicketSystem()) as system:
        config = BASE + plugins("email", "webhook") + mailbox() + tickets(system.url)
        async with gateway_process(launcher, tmp_path, config) as gateway:
            made = EmailMessage(policy=SMTP)
            made["From"] = f'"Ann {CARDS[0]}" <ann@example.net>'
            made["To"] = "support@example.com"
            made["Cc"] = f'"Bob {CARDS[1]}" <bob@example.net>'
            made["Reply-To"] = "card340000000000009@example.net"
            made["Message-ID"] = "<odd@example.net>"
            made["Authentication-Results"] = "mx.example.com; dmarc=pass header.from=example.net"
            made.set_content("odd\n\nIt is in the page.")
            page = "<p>odd 4111<b>1111</b><i>11</i>11 1111</p><p>not 4111</p><p>1111</p>"
            made.add_alternative(page, subtype="html")
            for name in (f"{CARDS[0]}.txt", "scan_5500005555555559.txt"):
                made.add_attachment("nothing", filename=name)
            await send_once(gateway.lmtp, made.as_bytes(), sender="ann@example.net")
            await system.ticket_of("odd")
            [entry] = system.entries
            told = re.sub(r"<[^<>]*>", "", str(entry.data))
            assert not _leaks(told, words=False)
            assert "[card …1111]<b></b>" in str(entry.data)
            assert "<p>not 4111</p><p>1111</p>" in str(entry.data)
            for masked in ("Ann [card …1111]", "Bob [card …5559]", "[card …1111].txt",
                           "scan_[card …5559].txt", "card[card …0009]@example.net"):  # fmt: skip
                assert masked in str(entry.data), masked


async def test_a_config_with_faults_is_told_without_its_secrets(
    launcher: Launcher, tmp_path: Path
) -> None:
    """Secrets at the wrong place, of the wrong kind, too short or misspelt are not repeated."""
    config = BASE + plugins("email", "webhook") + mailbox() + CONFIG.replace("{nobody}", "1")
    config = config.replace(f'["{SECRETS["reply"]}"', f'[["{SECRETS["reply"]}"]')
    config = config.replace(f'secrets = ["{SECRETS["events"]}"]', f'secret = "{SECRETS["events"]}"')
    config = config.replace("client_secret = ", "client_secrets = ")
    async with gateway_process(launcher, tmp_path, config, start=False) as gateway:
        for command in (("check",), ("--json", "check"), ("run",)):
            out, errors, code = await gateway.told(*command)
            assert code not in (0, 70)
            assert "client_secrets" in out + errors
            assert not _leaks(out + errors, words=True), command
