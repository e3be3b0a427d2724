from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gateway.config.addresses import Listen
from gateway.config.loading import Reading, read_file, read_text
from gateway.config.secret import Secret
from gateway.config.settings import Settings
from gateway.domain.routing import Rule, When
from gateway.errors import ConfigError

FOLDER = Path("/etc/intake")


def read(text: str, **environment: str) -> Reading:
    """Read a config that stands in no file."""
    return read_text(text, folder=FOLDER, source="gateway.toml", environment=environment)


def faults(text: str, **environment: str) -> list[str]:
    """The faults of a config as the user reads them."""
    return [str(fault) for fault in read(text, **environment).faults]


def refusal(path: Path) -> str:
    """What the user reads when the file itself is unusable."""
    with pytest.raises(ConfigError) as caught:
        read_file(path, {})
    return str(caught.value)


def test_an_empty_config_is_a_valid_one() -> None:
    """Every setting has a default; data and database land beside the config file."""
    reading = read("")
    assert [] == reading.faults
    assert "/etc/intake/var" == reading.settings.gateway.data
    assert "sqlite:////etc/intake/var/gateway.db" == reading.settings.store.url
    assert Listen("127.0.0.1", 8080) == reading.settings.web.listen
    assert ("forward", "log") == reading.settings.redaction.card_numbers
    assert (0, 5, 30, 120, 600, 1800, 7200, 18000, 36000, 50400, 72000, 86400) == (
        reading.settings.outbox.schedule
    )


def test_every_section_is_read() -> None:
    """A full config arrives in the values the gateway works with."""
    settings = read(
        """
        [gateway]
        data = "/srv/data"
        public_url = "https://gateway.example.com"
        [store]
        url = "postgresql://gateway:${PW}@db/gateway"
        [web]
        listen = "[::1]:${PORT}"
        [api.tokens.operator]
        token = "${TOKEN}"
        scopes = ["read", "operate"]
        tenants = ["acme"]
        [tenants.acme]
        languages = ["en", "de"]
        acknowledge = { de = "Wir haben Ihre Nachricht." }
        redaction = { card_numbers = ["store"] }
        [plugins.email]
        [plugins.dedupe]
        window = 3
        [channels.support]
        type = "email"
        tenant = "acme"
        host = "imap.example.com"
        [backends.desk]
        type = "desk"
        tenant = "acme"
        [[routing]]
        when = { channel = ["support"], words = ["refund"] }
        backends = ["desk"]
        priority = "high"
        stop = false
        """,
        PW="hunter2",
        PORT="0",
        TOKEN="0123456789abcdef",
    ).settings
    assert "postgresql://gateway:hunter2@db/gateway" == settings.store.url
    assert Listen("::1", 0) == settings.web.listen
    assert Secret("0123456789abcdef") == settings.api.tokens["operator"].token
    assert ["email", "dedupe"] == list(settings.plugins)
    assert {"window": 3} == settings.plugins["dedupe"].settings
    assert "email" == settings.channels["support"].type
    assert {"host": "imap.example.com"} == settings.channels["support"].settings
    assert settings.tenants["acme"].redaction is not None
    assert settings.routing[0].as_rule(0) == Rule(
        name="routing[0]",
        when=When(channel=("support",), words=("refund",)),
        backends=("desk",),
        priority="high",
        goon=True,
    )


def test_every_fault_of_every_section_is_told_at_once() -> None:
    """One run shows all there is to mend: typos, types, limits, secrets and names."""
    told = faults(
        """
        [gatway]
        [gateway]
        log_level = "loud"
        public_url = "gateway.example.com"
        [web]
        listen = "8080"
        [api.tokens.operator]
        token = "${TOKEN}"
        [api.tokens.weak]
        token = "hunter2"
        [secrets]
        reply_keys = ["file:nowhere"]
        [channels.Support]
        type = "email"
        [channels.support]
        tenant = "acme"
        [pipeline]
        workers = 0
        [outbox]
        schedule = []
        """
    )
    assert told == [
        (
            "api.tokens.operator.token: expected the environment variable TOKEN, found nothing "
            "(set it, or write ${TOKEN:-default})"
        ),
        "gatway: expected a known key, found 'gatway' (did you mean 'gateway'?)",
        'gateway.log_level: expected one of "debug", "info", "warning", "error", found "loud"',
        (
            "gateway.public_url: expected to be an http:// or https:// URL without user, query and "
            "fragment, found 'gateway.example.com'"
        ),
        (
            "web.listen: expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080, found '8080' "
            "(the port is missing)"
        ),
        (
            "api.tokens.weak.token: expected a secret of at least 16 characters, found a shorter one "
            "(make one with: openssl rand -hex 16)"
        ),
        (
            "secrets.reply_keys[0]: expected a readable secret file, found /etc/intake/nowhere: "
            "No such file or directory (check that the file exists and that the gateway's user may "
            "read it)"
        ),
        (
            "channels.Support: expected a name of lower-case letters, digits, - and _, at most 64 long, "
            'found "Support"'
        ),
        "channels.support.type: expected text that is not empty, found nothing (add type = …)",
        "pipeline.workers: expected a whole number from 1 to 64, found 0",
        "outbox.schedule: expected a list of numbers of at least 0, at least 1, found an empty list",
        (
            "channels.support.tenant: expected the name of a tenant in this config, found 'acme' "
            "(add [tenants.acme])"
        ),
    ]


def test_names_that_lead_nowhere_are_told() -> None:
    """Tenants, channels and backends that are not defined are named, with the nearest one."""
    told = faults(
        """
        [tenants.acme]
        [channels.support]
        type = "email"
        tenant = "acne"
        [backends.rt]
        type = "rt"
        [api.tokens.all]
        token = "0123456789abcdef"
        tenants = ["*"]
        [[routing]]
        when = { channel = ["suport", "sup*"], tenant = ["other"] }
        backends = ["rt", "zammad"]
        """
    )
    assert told == [
        (
            "channels.support.tenant: expected the name of a tenant in this config, found 'acne' "
            "(did you mean 'acme'?)"
        ),
        (
            "backends.rt.tenant: expected the name of a tenant in this config, found 'default' "
            "(add [tenants.default])"
        ),
        (
            "routing[0].when.channel[0]: expected the name of a channel in this config, found 'suport' "
            "(did you mean 'support'?)"
        ),
        (
            "routing[0].when.tenant[0]: expected the name of a tenant in this config, found 'other' "
            "(add [tenants.other])"
        ),
        (
            "routing[0].backends[1]: expected the name of a backend in this config, found 'zammad' "
            "(add [backends.zammad])"
        ),
    ]


def test_a_faulty_token_does_not_hide_its_unknown_tenants() -> None:
    """The tenants are looked up although the token itself cannot be used."""
    told = faults('[api.tokens.weak]\ntoken = "hunter2"\ntenants = ["acme", 5]')
    assert [
        "api.tokens.weak.token: expected a secret of at least 16 characters",
        "api.tokens.weak.tenants[1]: expected text",
        "api.tokens.weak.tenants[0]: expected the name of a tenant in this config",
    ] == [one.partition(", found")[0] for one in told]


def test_two_tokens_of_one_value_are_refused() -> None:
    """A token has to say who sends it; which is the other one is told, and never the value."""
    value = "hunter2hunter2hunter2"
    told = faults(f'[api.tokens.a]\ntoken = "{value}"\n[api.tokens."b c"]\ntoken = "{value}"')
    assert told == [
        (
            'api.tokens."b c".token: expected a token of its own, found that of api.tokens.a '
            "(one token would have the rights of two; make another: openssl rand -hex 24)"
        )
    ]
    assert value not in "".join(told)


def test_a_proxy_that_is_no_address_is_refused() -> None:
    """A host name is none, and is told before anything starts."""
    assert faults('[web]\ntrusted_proxies = ["10.0.0.0/8", "nix", "::1"]') == [
        (
            "web.trusted_proxies[1]: expected an address or a network, such as 10.0.0.7 or "
            "10.0.0.0/8, found 'nix' (a host name does not do: whose it is may change)"
        )
    ]


def test_a_channel_and_a_backend_cannot_share_a_name() -> None:
    """Both would answer below the same path."""
    assert faults('[channels.rt]\ntype="email"\n[backends.rt]\ntype="rt"') == [
        (
            "backends.rt: expected a name that no channel has, found 'rt' "
            "(both would answer below /in/NAME; rename one)"
        )
    ]


def test_a_faulty_section_is_not_called_missing_as_well() -> None:
    """A channel with a fault of its own is still known to the routing rules."""
    told = faults('[channels.a]\n[[routing]]\nwhen = { channel = ["a"] }')
    assert [
        "channels.a.type: expected text that is not empty, found nothing (add type = …)"
    ] == told


def test_no_secret_shows_in_settings_or_faults() -> None:
    """Printing the whole config shows neither tokens nor the database's password."""
    shown = repr(
        read(
            '[api.tokens.a]\ntoken = "hunter2hunter2hunter2"\n'
            '[store]\nurl = "postgresql://gateway:hunter2@db/gateway"'
        ).settings
    )
    assert "hunter2" not in shown
    assert "postgresql://gateway:•••@db/gateway" in shown


def test_no_such_file(tmp_path: Path) -> None:
    """The user is told how to get a config."""
    path = tmp_path / "gateway.toml"
    assert refusal(path) == (
        f"{path} has 1 fault(s):\n"
        f"  {path}: expected a config file, found no such file (write one with: gateway init)"
    )


def test_a_folder_is_no_config(tmp_path: Path) -> None:
    """Whatever keeps the file from being read is told as the system says it."""
    assert "expected a config file, found Is a directory (check its permissions)" in refusal(
        tmp_path
    )


def test_a_config_that_is_no_utf8(tmp_path: Path) -> None:
    """The place of the wrong byte is told."""
    path = tmp_path / "gateway.toml"
    path.write_bytes(b'name = "\xe4"')
    assert "found a byte that is no UTF-8 at offset 8 (save it as UTF-8)" in refusal(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[gateway]\nname = x\n", "line 2, column 8: expected valid TOML, found invalid value"),
        (
            "[gateway]\nname = ",
            "line 2, at the end of the file: expected valid TOML, found invalid value",
        ),
        (
            "[a]\n[a]\n",
            "line 2, column 3: expected valid TOML, found cannot declare ('a',) twice",
        ),
    ],
)
def test_syntax_errors_have_line_and_column(tmp_path: Path, text: str, told: str) -> None:
    """A slip in the TOML is told with its place."""
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    assert refusal(path) == f"{path} has 1 fault(s):\n  {told}"


def test_paths_start_at_the_config_files_folder(tmp_path: Path) -> None:
    """A gateway started from anywhere finds its data and secrets."""
    (tmp_path / "reply.key").write_text("k" * 32)
    path = tmp_path / "gateway.toml"
    path.write_text('[secrets]\nreply_keys = ["file:reply.key"]\n[gateway]\ndata = "data"\n')
    reading = read_file(path, {})
    assert [] == reading.faults
    assert (Secret("k" * 32),) == reading.settings.secrets.reply_keys
    assert str(tmp_path / "data") == reading.settings.gateway.data


def test_a_short_reply_key_is_refused() -> None:
    """A key that signs addresses must not be guessable."""
    assert faults('[secrets]\nreply_keys = ["short"]') == [
        (
            "secrets.reply_keys[0]: expected a secret of at least 32 characters, found a shorter one "
            "(make one with: openssl rand -hex 32)"
        )
    ]


def _undescribed(kind: type[msgspec.Struct], path: str) -> list[str]:
    missing: list[str] = []
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    for field in info.fields:
        found = field.type
        schema = found.extra_json_schema if isinstance(found, msgspec.inspect.Metadata) else None
        if not (schema or {}).get("description"):
            missing.append(f"{path}.{field.name}")
        for inner in _structs(found):
            missing += _undescribed(inner, f"{path}.{field.name}")
    return missing


def _structs(found: msgspec.inspect.Type) -> list[type[msgspec.Struct]]:
    if isinstance(found, msgspec.inspect.Metadata):
        return _structs(found.type)
    if isinstance(found, msgspec.inspect.StructType):
        return [found.cls]
    if isinstance(found, msgspec.inspect.DictType):
        return _structs(found.value_type)
    if isinstance(found, msgspec.inspect.VarTupleType):
        return _structs(found.item_type)
    if isinstance(found, msgspec.inspect.UnionType):
        return [kind for each in found.types for kind in _structs(each)]
    return []


def test_every_setting_has_a_description() -> None:
    """What `gateway init`, the schema and the manual show is there for every field."""
    assert [] == _undescribed(Settings, "settings")


def test_retention_that_removes_what_is_needed_is_refused() -> None:
    """Every number that is too small or too large is told with the setting it depends on."""
    text = """
        [retention]
        raw_days = 3
        conversation_days = 10
        delivery_days = 1
        recognition_days = 2
        [tenants.acme.retention]
        raw_days = 400
        conversation_days = 365
        [tenants.other.retention]
        decision_days = 0
    """
    faults = {fault.path: str(fault) for fault in read_text(text, folder=Path("/etc")).faults}
    assert {
        "retention.raw_days", "retention.conversation_days", "retention.delivery_days",
        "retention.recognition_days", "tenants.acme.retention.raw_days",
        "tenants.other.retention.decision_days",
    } == set(faults)  # fmt: skip
    assert "at least 3.1" in faults["retention.raw_days"]
    assert "outbox.schedule" in faults["retention.raw_days"]
    assert "matching.reopen_days" in faults["retention.conversation_days"]
    assert "at most 365 days" in faults["tenants.acme.retention.raw_days"]
    assert "comes in twice" in faults["retention.recognition_days"]


def test_retention_is_for_ever_unless_said() -> None:
    """Without a number nothing is ever removed."""
    kept = read_text("", folder=Path("/etc")).settings.retention
    assert {None, 1.0} == set(msgspec.structs.asdict(kept).values())
