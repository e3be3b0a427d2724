"""What `gateway check` finds where settings are right each for itself, but not together."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.core.assembly import read_assembly
from gateway.errors import ConfigError
from tests.unit.cli.town import Town

DESK = '[plugins.desk]\n[backends.desk]\ntype = "desk"\n'
IMAP = 'host = "imap.example.com"\nuser = "ann"\npassword = "hush"\n'


def channel(name: str, more: str) -> str:
    """A mailbox's settings."""
    address = "" if "address" in more.partition("[")[0] else f'address = "{name}@example.com"\n'
    return f'[channels.{name}]\ntype = "email"\n{address}{more}\n'


def faults(folder: Path, text: str) -> list[str]:
    """What is wrong with a config, as its author reads it."""
    path = folder / "gateway.toml"
    path.write_text(f"[plugins.email]\n{DESK}{text}")
    with pytest.raises(ConfigError) as told:
        read_assembly(path)
    return [str(fault) for fault in told.value.faults]


def doubts(folder: Path, text: str) -> dict[str, str]:
    """What may be a mistake in a config."""
    path = folder / "gateway.toml"
    path.write_text(text)
    return read_assembly(path).doubts


def test_two_that_listen_on_one_port(tmp_path: Path) -> None:
    """Channels, the web server and its probes: every clash is told, with who was first."""
    assert faults(
        tmp_path,
        '[web]\nlisten = ":8080"\nprobes = "127.0.0.1:8080"\n'
        + channel("a", "lmtp = { port = 8024 }")
        + channel("b", 'lmtp = { host = "localhost", port = 8024 }')
        + channel("c", "lmtp = { port = 8080 }"),
    ) == [
        (
            "web.probes: expected an address of its own, found 127.0.0.1:8080 "
            "(web.listen listens there; give it another port)"
        ),
        (
            "channels.b.lmtp: expected an address of its own, found localhost:8024 "
            "(channels.a.lmtp listens there; give it another port)"
        ),
        (
            "channels.c.lmtp: expected an address of its own, found 127.0.0.1:8080 "
            "(web.listen listens there; give it another port)"
        ),
    ]


def test_ports_that_do_not_clash(tmp_path: Path) -> None:
    """Port 0 is any, another address is another, and what is switched off takes nothing up."""
    text = (
        f'{DESK}[plugins.email]\n[web]\nlisten = "127.0.0.1:0"\nprobes = "127.0.0.1:0"\n'
        + channel("a", "lmtp = { port = 0 }")
        + channel("b", "lmtp = { port = 0 }")
        + channel("c", 'lmtp = { host = "127.0.0.2" }')
        + channel("d", "lmtp = {}")
        + channel("e", "enabled = false\nlmtp = {}")
    )
    assert {} == doubts(tmp_path, text)


def test_one_mailbox_on_two_channels(tmp_path: Path) -> None:
    """The same folder by IMAP, and the same address by LMTP: both would take the same mail."""
    told = faults(
        tmp_path,
        channel("a", f"[channels.a.imap]\n{IMAP}")
        + channel("b", f"[channels.b.imap]\n{IMAP}")
        + channel("c", "lmtp = { port = 0 }")
        + channel("d", 'aliases = ["C@example.com"]\nlmtp = { port = 0 }'),
    )
    assert told == [
        (
            "channels.b.imap: expected what no other one has, found the folder INBOX of ann at "
            "imap.example.com:993 (channels.a has it already; leave one of them out)"
        ),
        (
            "channels.d.aliases[0]: expected what no other one has, found mail to c@example.com by "
            "LMTP (channels.c has it already; leave one of them out)"
        ),
    ]
    assert "hush" not in "".join(told)


def test_a_mailbox_that_cannot_work(tmp_path: Path) -> None:
    """No way in or out, a login without a secret, an alias and a host that are none: all at once."""
    assert faults(
        tmp_path,
        '[web]\nlisten = "999.1.1.1:8080"\n'
        + channel("a", "")
        + channel("b", 'imap = { host = "h", user = "u" }\nsmtp = { host = "h", user = "u" }')
        + channel("c", 'aliases = ["sales"]\nlmtp = { host = "999.1.1.1" }'),
    ) == [
        (
            "web.listen: expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080, found "
            "'999.1.1.1:8080' (999.1.1.1 is no address)"
        ),
        "channels.a: expected a way in or out: a table lmtp, imap or smtp",
        "channels.b.imap: expected to have a password for u, or a table oauth beside it",
        "channels.b.smtp: expected to have a password for u, or a table oauth beside it",
        'channels.c.aliases[0]: expected a mail address such as support@example.com, found "sales"',
        "channels.c.lmtp.host: expected to be an address of this machine, or a name",
    ]


def test_limits_that_are_crossed(tmp_path: Path) -> None:
    """The lower one names the upper one."""
    text = "[matching]\nsuggest_threshold = 0.9\n[outbox]\nbreaker_seconds = 1000.0\n"
    assert faults(tmp_path, text) == [
        (
            "matching.suggest_threshold: expected at most 0.45, found 0.9 "
            "(matching.repeat_threshold is the upper one of the two)"
        ),
        (
            "outbox.breaker_seconds: expected at most 900, found 1000 "
            "(outbox.breaker_cap is the upper one of the two)"
        ),
    ]


def test_what_may_be_meant_is_only_a_doubt(tmp_path: Path) -> None:
    """It is printed by `gateway check`, whose exit code stays 0."""
    here = Town(tmp_path, {})
    here.configure(
        "[plugins.email]\n"
        + channel("a", f'[channels.a.imap]\n{IMAP}tls = "none"')
        + channel("b", 'address = "a@example.com"\nlmtp = { port = 0 }')
    )
    told = here.call("check")
    assert (0, "") == (told.code, told.err)
    for line in (
        'Doubt: channels.a.imap.tls: what goes to imap.example.com can be read on the way; set "implicit"',
        "Doubt: channels.b.address: a@example.com is served by channels.a as well",
        "Doubt: backends: there is none: what customers write is kept, and becomes no ticket",
    ):
        assert line in told.out
    assert {"channels.a.imap.tls", "channels.b.address", "backends"} == set(
        here.call("check", "--json").json["doubts"]
    )
