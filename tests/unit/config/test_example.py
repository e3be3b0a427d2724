from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from gateway.config.addresses import Listen
from gateway.config.example import Described, example
from gateway.config.loading import read_text
from gateway.config.secret import Secret
from gateway.config.validation import validate


class Login(msgspec.Struct, frozen=True, kw_only=True):
    user: Annotated[str, Meta(min_length=1, description="User name.")]
    key: Annotated[Secret, Meta(description="Its key.")] = Secret("")


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    host: Annotated[
        str, Meta(description="Name of the mail server.", examples=["imap.example.com"])
    ]
    password: Annotated[Secret, Meta(description="Password of the mailbox.")]
    port: Annotated[int, Meta(ge=1, description="Port of the mail server.")] = 993
    folders: Annotated[tuple[str, ...], Meta(description="Folders to read.")] = ("INBOX",)
    listen: Annotated[Listen, Meta(description="Where to listen.")] = Listen("127.0.0.1", 24)
    relay: Annotated[Login | None, Meta(description="Login at the relay.")] = None
    also: Annotated[tuple[Login, ...], Meta(description="Further logins.")] = ()
    by_name: Annotated[dict[str, Login], Meta(description="Logins by name.")] = {}


class DeskSettings(msgspec.Struct, frozen=True, kw_only=True):
    prefix: Annotated[str, Meta(description="What ticket numbers begin with.")] = "T"


SECRETS = dict.fromkeys(
    [
        "EMAIL_PASSWORD",
        "EMAIL_RELAY_KEY",
        "EMAIL_ALSO_KEY",
        "EMAIL_BY_NAME_NAME_KEY",
        "S3_ACCESS_KEY",
        "S3_SECRET_KEY",
    ],
    "s",
)


@pytest.fixture
def text() -> str:
    """The example with one channel, one backend and two plugins."""
    return example(
        plugins=[
            Described(name="desk", summary="The built-in desk.", active=True),
            Described(name="dedupe", summary="Finds repeats.", settings=DeskSettings),
        ],
        channels=[Described(name="email", summary="Mail.", settings=MailSettings)],
        backends=[Described(name="desk", summary="The desk.", settings=DeskSettings, active=True)],
    )


def uncommented(text: str) -> str:
    """The example as if its reader had taken every setting and table."""
    return re.sub(r"^# (?=\[|[a-z_]+ = )", "", text, flags=re.MULTILINE)


def test_it_loads_as_it_is(text: str) -> None:
    """What `gateway init` writes has no fault, and has the active backend."""
    reading = read_text(text, folder=Path("/etc/intake"), environment={})
    assert [] == reading.faults
    assert ["desk"] == list(reading.settings.backends)
    assert ["desk"] == list(reading.settings.plugins)
    assert {} == reading.settings.channels


def test_it_loads_with_everything_taken(text: str, tmp_path: Path) -> None:
    """Every commented line is right: taking them all leaves no unknown key and no wrong type."""
    (tmp_path / "reply.key").write_text("k" * 32)
    taken = uncommented(text).replace("support", "email")
    taken = taken.replace("sqlite:///{data}/gateway.db", "postgresql://gateway@localhost/gateway")
    reading = read_text(
        taken,
        folder=tmp_path,
        environment={"GATEWAY_API_TOKEN": "0123456789abcdef", **SECRETS},
    )
    assert [] == reading.faults
    assert ["desk", "dedupe"] == list(reading.settings.plugins)
    settings, faults = validate(MailSettings, reading.settings.channels["email"].settings)
    assert [] == faults
    login = Login(user="…", key=Secret("s"))
    assert settings == MailSettings(
        host="imap.example.com",
        password=Secret("s"),
        relay=login,
        also=(login,),
        by_name={"name": login},
    )
    assert ("invoice", "refund") == reading.settings.routing[0].when.words


def test_it_explains_every_setting(text: str) -> None:
    """A plugin's settings stand there with their descriptions, like the gateway's own."""
    for line in (
        '## Name of the mail server.\n# host = "imap.example.com"\n',
        '## Password of the mailbox.\n# password = "${EMAIL_PASSWORD}"\n',
        '# [channels.email]\n# type = "email"\n',
        '[backends.desk]\ntype = "desk"\n',
        '## Login at the relay.\n# [channels.email.relay]\n## User name.\n# user = "…"\n',
        "# The built-in desk.\n[plugins.desk]\n",
        '# listen = "127.0.0.1:8080"\n',
    ):
        assert line in text


def test_it_never_grows_wider_than_a_terminal(text: str) -> None:
    """No line has more than 100 characters."""
    assert [] == [line for line in text.splitlines() if len(line) > 100]
