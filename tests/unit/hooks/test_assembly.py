from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from gateway.config.loading import read_text
from gateway.config.secret import Secret
from gateway.errors import ConfigError, PluginRefused
from gateway.hooks.assembly import Assembly, assemble, assemble_file
from gateway.hooks.sources import Source
from tests.unit.hooks.doubles import source

MAIL = """
    import msgspec
    class Settings(msgspec.Struct, kw_only=True):
        host: str
        port: int = 993
        password: Secret | None = None
    @hookimpl
    def register_channels():
        yield ChannelType(name="mail", make=Channel, settings=Settings)
"""
DESK = """
    import msgspec
    class Settings(msgspec.Struct):
        prefix: str = "T"
    @hookimpl
    def register_backends():
        yield BackendType(name="desk", make=Backend, settings=Settings)
"""
BROKEN = "raise ValueError('boom')"


def made(text: str, available: dict[str, str] | None = None, **environment: str) -> Assembly:
    """Assemble a config over plugins that stand ready."""
    texts = {"mail": MAIL, "desk": DESK} if available is None else available
    sources: dict[str, Source] = {name: source(name, plugin) for name, plugin in texts.items()}
    reading = read_text(text, folder=Path("/etc/intake"), source="g.toml", environment=environment)
    return assemble(reading, available=sources)


def faults(text: str, available: dict[str, str] | None = None, **environment: str) -> list[str]:
    """The faults of a config as the user reads them."""
    with pytest.raises(ConfigError) as caught:
        made(text, available, **environment)
    return [str(fault) for fault in caught.value.faults]


def test_channels_and_backends_get_their_types_settings() -> None:
    """What the core makes instances of is validated and typed."""
    assembly = made(
        """
        [plugins.mail]
        [plugins.desk]
        [channels.support]
        type = "mail"
        host = "imap.example.com"
        password = "${PW}"
        [channels.off]
        type = "mail"
        enabled = false
        host = "imap.example.com"
        [backends.desk]
        type = "desk"
        """,
        PW="hunter2",
    )
    support = assembly.channels["support"]
    assert ("support", "default", "mail") == (support.name, support.tenant, support.kind.name)
    assert Secret("hunter2") == support.settings.password  # type: ignore[attr-defined]
    assert ["support"] == list(assembly.channels)
    assert ["desk"] == list(assembly.backends)
    assert {} == assembly.unavailable


def test_faults_of_the_core_the_plugins_and_the_connectors_come_together() -> None:
    """One run of `gateway check` shows everything, in the order of the sections."""
    assert faults(
        """
        [web]
        listen = "x"
        [plugins.mail]
        colour = "red"
        [channels.support]
        type = "mail"
        prot = 1
        tennant = "a"
        [channels.sales]
        type = "mial"
        [backends.tickets]
        type = "desk"
        """
    ) == [
        (
            "web.listen: expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080, found 'x' "
            "(the port is missing)"
        ),
        (
            "plugins.mail.colour: expected a known key, found 'colour' "
            "(known here: enabled, required, path)"
        ),
        "channels.support.prot: expected a known key, found 'prot' (did you mean 'port'?)",
        "channels.support.tennant: expected a known key, found 'tennant' (did you mean 'tenant'?)",
        "channels.support.host: expected text, found nothing (add host = …)",
        (
            "channels.sales.type: expected a channel type of an enabled plugin, found 'mial' "
            "(did you mean 'mail'?)"
        ),
        (
            "backends.tickets.type: expected a backend type of an enabled plugin, found 'desk' "
            "(plugin 'desk' is installed but not enabled: add [plugins.desk])"
        ),
    ]


def test_an_unknown_type_without_a_near_one() -> None:
    """The known types are named, or how to get one."""
    (told,) = faults('[plugins.desk]\n[backends.a]\ntype = "zammad"')
    assert told.endswith("found 'zammad' (known types: desk)")
    (told,) = faults('[channels.a]\ntype = "sms"')
    assert told.endswith("found 'sms' (known types: none; enable a plugin with [plugins.NAME])")


def test_faults_of_a_switched_off_channel_are_told() -> None:
    """It will be switched on one day, and the faults are the same then."""
    (told,) = faults('[plugins.mail]\n[channels.a]\ntype = "mail"\nenabled = false')
    assert "channels.a.host: expected text, found nothing (add host = …)" == told


def test_a_refused_plugin_takes_only_its_channels_down() -> None:
    """The gateway starts; what cannot run is listed with the reason."""
    assembly = made(
        '[plugins.mail]\n[plugins.desk]\n[channels.a]\ntype="mail"\nhost="h"\n'
        '[backends.b]\ntype = "desk"',
        {"mail": BROKEN, "desk": DESK},
    )
    assert ["b"] == list(assembly.backends)
    assert {
        "channel/a": "channel type 'mail' is missing: plugin 'mail' was refused: "
        "loading it raised ValueError: boom"
    } == assembly.unavailable


def test_a_switched_off_channel_of_a_refused_plugin_is_not_sick() -> None:
    """Nobody waits for it."""
    assembly = made(
        '[plugins.mail]\n[channels.a]\ntype = "mail"\nenabled = false', {"mail": BROKEN}
    )
    assert {} == assembly.unavailable


def test_a_required_plugin_stops_the_start() -> None:
    """Alone it is refused by name; beside other faults it is one of them."""
    with pytest.raises(PluginRefused, match="plugin 'mail': loading it raised ValueError: boom"):
        made("[plugins.mail]\nrequired = true", {"mail": BROKEN})
    assert faults("[plugins.mail]\nrequired = true\n[x]", {"mail": BROKEN})[1:] == [
        "plugins.mail: expected a plugin that loads, found loading it raised ValueError: boom"
    ]


def test_a_misspelt_plugin_is_told_once() -> None:
    """The types it would have brought are not told of as well."""
    assert faults('[plugins.mial]\n[channels.a]\ntype = "mail"') == [
        "plugins.mial: expected an installed plugin, found 'mial' (did you mean 'mail'?)"
    ]


def test_a_file_is_read_with_its_plugins(tmp_path: Path) -> None:
    """From a path to an assembly, with a plugin file and a secret file beside the config."""
    (tmp_path / "mail.py").write_text("from gateway import *\n" + textwrap.dedent(MAIL))
    (tmp_path / "pw").write_text("hunter2\n")
    path = tmp_path / "gateway.toml"
    path.write_text(
        '[plugins.mail]\npath = "mail.py"\n'
        '[channels.a]\ntype = "mail"\nhost = "h"\npassword = "file:pw"\n'
    )
    assembly = assemble_file(path, environment={}, available={})
    assert Secret("hunter2") == assembly.channels["a"].settings.password  # type: ignore[attr-defined]
    assert str(path) == assembly.source
    assert "hunter2" not in repr(assembly)
