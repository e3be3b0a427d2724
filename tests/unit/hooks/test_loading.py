from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from gateway.config.connectors import PluginSettings
from gateway.errors import PluginRefused
from gateway.hooks.loading import LoadedPlugins, PluginInfo, load_plugins
from gateway.hooks.sources import Source, Unloadable, default, from_file, installed
from tests.unit.hooks.doubles import load, module

HOOK = "from gateway import hookimpl\n@hookimpl\ndef on_event(event): ...\n"
TYPE = """
    import msgspec
    class Settings(msgspec.Struct):
        {field}: str = ""
    @hookimpl
    def register_channels():
        yield ChannelType(name="mail", make=Channel, settings=Settings, summary="Mail.")
"""


def install(folder: Path, distribution: str, plugin: str, text: str, *requires: str) -> None:
    """Lay a distribution with one plugin into a folder, as pip would."""
    package = distribution.replace("-", "_")
    info = folder / f"{package}-2.1.dist-info"
    info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {distribution}", "Version: 2.1"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    (info / "entry_points.txt").write_text(f"[gateway]\n{plugin} = {package}\n")
    if text:
        (folder / f"{package}.py").write_text(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed distributions."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def load_installed(*names: str, required: bool = False) -> LoadedPlugins:
    """Load installed plugins by name."""
    configured = {name: PluginSettings(required=required) for name in names}
    return load_plugins(configured, folder=Path())


def info(loaded: LoadedPlugins, name: str) -> PluginInfo:
    """What is known of one plugin."""
    return next(plugin for plugin in loaded.plugins if plugin.name == name)


def test_installed_is_not_enabled(site: Path) -> None:
    """A plugin that the config does not name is listed, and not even imported."""
    install(site, "gateway-quiet-one", "quietone", "raise SystemExit('imported')")
    found = info(load_installed(), "quietone")
    assert found == PluginInfo(
        name="quietone",
        version="2.1",
        distribution="gateway-quiet-one",
        module="gateway_quiet_one",
        enabled=False,
    )


def test_an_enabled_plugin_is_loaded(site: Path) -> None:
    """Its version, distribution and hooks are known."""
    install(site, "gateway-loud-one", "loudone", HOOK)
    loaded = load_installed("loudone")
    found = info(loaded, "loudone")
    assert (True, "2.1", "gateway-loud-one", ("on_event",), "") == (
        found.enabled,
        found.version,
        found.distribution,
        found.hooks,
        found.fault,
    )
    assert ["2.1"] == [each.version for each in loaded.implementations["on_event"]]


LOOKING_NOWHERE = """
import msgspec
class Unsought(Backend):
    async def open_ticket(self, forward): ...
class S(msgspec.Struct): ...
@hookimpl
def register_backends(): yield BackendType(name="x", make=Unsought, settings=S)
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import sdk_not_there", ("it needs 'sdk_not_there', which is not installed: "
         "install the library that brings it")),
        ("import slack_sdk_x.web", ("it needs 'slack_sdk_x', which is not installed: "
         "pip install 'gateway-broken-a[chat]'")),
        ("from gateway import NotThere", ("it cannot be imported: cannot import name 'NotThere' "
         "from 'gateway'")),
        ("raise ValueError('boom')", "importing it raised ValueError: boom"),
        ("raise SystemExit(3)", "importing it raised SystemExit: 3"),
        ("def :", "it has a syntax error in "),
        ("", ("it needs 'gateway_broken_a', which is not installed: "
         "install the library that brings it")),
    ],
)  # fmt: skip
def test_a_broken_plugin_is_refused_and_hides_no_other(site: Path, text: str, told: str) -> None:
    """Whatever an import does, the plugins after it are loaded."""
    install(site, "gateway-broken-a", "broken", text, 'slack-sdk-x>=3; extra == "chat"', "other")
    install(site, "gateway-sound-b", "sound", HOOK)
    loaded = load_installed("broken", "sound")
    assert info(loaded, "broken").fault.startswith(told)
    assert "" == info(loaded, "sound").fault
    assert ["sound"] == [each.plugin for each in loaded.implementations["on_event"]]
    loaded.require()
    for name in ("gateway_broken_a", "gateway_sound_b"):
        sys.modules.pop(name, None)


def test_of_several_extras_the_plugins_own_is_named(site: Path) -> None:
    """A library that two extras bring is installed by the one called like the plugin."""
    install(
        site,
        "gateway-many-extras",
        "mail",
        "import needed_lib",
        'needed-lib; extra == "all"',
        'needed.lib>=2 ; extra == "mail"',
        'needed-lib; python_version < "3"',
    )
    assert info(load_installed("mail"), "mail").fault == (
        "it needs 'needed_lib', which is not installed: pip install 'gateway-many-extras[mail]'"
    )


def test_a_required_plugin_stops_the_start(site: Path) -> None:
    """The error names the plugin and the reason."""
    install(site, "gateway-needed-c", "neededc", "raise ValueError('boom')")
    loaded = load_installed("neededc", required=True)
    with pytest.raises(PluginRefused) as caught:
        loaded.require()
    assert "plugin 'neededc': importing it raised ValueError: boom" == str(caught.value)


def test_a_plugin_that_is_not_installed_is_a_fault_of_the_config(site: Path) -> None:
    """A typo is recognised; what is installed is named."""
    install(site, "gateway-zendesk-d", "zendesk", HOOK)
    loaded = load_installed("zendeks", "qqq")
    assert str(loaded.faults[0]) == (
        "plugins.zendeks: expected an installed plugin, found 'zendeks' (did you mean 'zendesk'?)"
    )
    assert str(loaded.faults[1]).startswith(
        "plugins.qqq: expected an installed plugin, found 'qqq' (installed are: "
    )
    assert str(loaded.faults[1]).endswith("; for a file give its path)")


def test_two_distributions_of_one_name_are_refused(site: Path) -> None:
    """Which one would win depends on the folder's order, so neither does."""
    install(site, "gateway-twin-a", "twin", HOOK)
    install(site, "gateway-twin-b", "twin", HOOK)
    assert info(load_installed("twin"), "twin").fault == (
        "it is installed twice, by gateway-twin-a and gateway-twin-b: uninstall one"
    )


def test_the_same_distribution_seen_twice_is_one(site: Path) -> None:
    """A folder that stands twice in the search path does no harm."""
    install(site, "gateway-once-e", "once", HOOK)
    points = [point for point in entry_points(group="gateway") if point.name == "once"]
    assert 1 == len(points)
    assert "" == installed(points * 2)["once"].fault


def test_a_plugin_may_be_a_file(tmp_path: Path) -> None:
    """`path` starts at the config's folder; the file may have settings types and dataclasses."""
    (tmp_path / "mine.py").write_text(
        "from __future__ import annotations\n"
        "import msgspec\nfrom dataclasses import dataclass\nfrom gateway import hookimpl\n"
        "class SETTINGS(msgspec.Struct):\n    word: str\n"
        "@dataclass\nclass Kept:\n    x: int = 1\n"
        "@hookimpl\ndef on_event(event, settings): ...\n"
    )
    loaded = load_plugins(
        {"mine": PluginSettings(path="mine.py", settings={"word": "hello"})},
        folder=tmp_path,
        available={},
    )
    assert [] == loaded.faults
    assert ("", ("on_event",)) == (loaded.plugins[0].fault, loaded.plugins[0].hooks)
    assert "hello" == loaded.settings["mine"].word  # type: ignore[attr-defined]
    assert str(tmp_path / "mine.py") == loaded.plugins[0].module


def test_a_plugin_file_that_is_missing_or_broken_is_refused(tmp_path: Path) -> None:
    """The path, or the line, is named."""
    (tmp_path / "broken.py").write_text("x = 1\ndef :\n")
    loaded = load_plugins(
        {"no": PluginSettings(path="no.py"), "broken": PluginSettings(path="broken.py")},
        folder=tmp_path,
        available={},
    )
    assert f"there is no Python file {tmp_path / 'no.py'}" == loaded.plugins[0].fault
    assert loaded.plugins[1].fault.startswith(
        f"it has a syntax error in {tmp_path / 'broken.py'}, line 2: "
    )


def test_a_switched_off_plugin_is_not_loaded() -> None:
    """`enabled = false` keeps its settings in the config without importing it."""
    loaded = load({"off": "raise ValueError"}, {"off": PluginSettings(enabled=False)})
    assert [("off", False, "")] == [(p.name, p.enabled, p.fault) for p in loaded.plugins]


def test_built_in_defaults_are_asked_last() -> None:
    """The gateway's own policies stand behind every plugin of the config."""
    core = module("core_defaults", HOOK)
    loaded = load_plugins(
        {"mine": PluginSettings()},
        folder=Path(),
        defaults=[default("core", "0.1.0", core)],
        available={"mine": Source(name="mine", load=lambda: module("plugin_mine", HOOK))},
    )
    assert [("mine", ""), ("core", "0.1.0")] == [
        (each.plugin, each.version) for each in loaded.implementations["on_event"]
    ]


def test_a_broken_default_always_stops_the_start() -> None:
    """The gateway's own policies are never silently missing."""
    loaded = load_plugins(
        {}, folder=Path(), defaults=[default("core", "0", object())], available={}
    )
    with pytest.raises(PluginRefused, match="core"):
        loaded.require()


def test_types_are_registered_with_their_plugin() -> None:
    """What a plugin brings is known by name."""
    loaded = load({"mail": TYPE.format(field="host")})
    assert ["mail"] == list(loaded.channel_types)
    assert ("mail",) == loaded.plugins[0].channel_types
    assert ("register_channels",) == loaded.plugins[0].hooks


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            TYPE.format(field="host"),
            "plugin 'first' has a channel type 'mail' already",
        ),
        (
            TYPE.format(field="tenant").replace('"mail"', '"other"'),
            "the settings of channel type 'other' have a field 'tenant', which is the gateway's own",
        ),
        (
            "@hookimpl\ndef register_backends(): yield BackendType(name='x', make=Backend, settings=dict)",
            "the settings of backend type 'x' have to be a msgspec.Struct type",
        ),
        (
            LOOKING_NOWHERE,
            (
                "backend type 'x' says repeat=\"lookup\" but has no find, so that whatever open_ticket "
                "did without an answer would be done again: write find, or say another repeat"
            ),
        ),
        (
            "@hookimpl\ndef register_channels(): return ['mail']",
            (
                "register_channels raised WrongAnswer: answered an iterable of str, "
                "expected an iterable of ChannelType"
            ),
        ),
        (
            "@hookimpl\ndef register_channels():\n    raise ValueError('boom')\n    yield",
            "register_channels raised ValueError: boom",
        ),
        (
            "@hookimpl\ndef register_backends(): raise SystemExit(3)",
            "register_backends raised SystemExit: 3",
        ),
    ],
)
def test_a_plugin_that_declares_nonsense_is_refused(text: str, told: str) -> None:
    """The reason is one sentence, and the earlier plugin keeps its type."""
    loaded = load({"first": TYPE.format(field="host"), "second": text})
    assert ["", told] == [plugin.fault for plugin in loaded.plugins]
    assert ["mail"] == list(loaded.channel_types)
    assert {} == loaded.backend_types


def test_settings_of_plugins_are_validated() -> None:
    """Faults of [plugins.NAME] are the config's, with their paths; hints know both sides' keys."""
    with_settings = (
        "import msgspec\nclass S(msgspec.Struct):\n    hours: int\nSETTINGS = S\n"
        "@hookimpl\ndef on_event(event): ..."
    )
    loaded = load(
        {"typed": with_settings, "plain": HOOK, "missing": with_settings},
        {
            "typed": PluginSettings(settings={"hours": "x", "requierd": True}),
            "plain": PluginSettings(settings={"colour": "red"}),
        },
    )
    assert [
        "plugins.typed.requierd: expected a known key, found 'requierd' (did you mean 'required'?)",
        'plugins.typed.hours: expected a whole number, found "x"',
        (
            "plugins.plain.colour: expected a known key, found 'colour' "
            "(known here: enabled, required, path)"
        ),
        "plugins.missing.hours: expected a whole number, found nothing (add hours = …)",
    ] == [str(fault) for fault in loaded.faults]
    assert {"typed", "missing"} == loaded.undeclared


def test_types_can_depend_on_the_plugins_settings() -> None:
    """Hooks that register get `settings` like any other."""
    text = """
        import msgspec
        class S(msgspec.Struct):
            name: str = "a"
        SETTINGS = S
        @hookimpl
        def register_backends(settings):
            yield BackendType(name=settings.name, make=Backend, settings=S2)
        class S2(msgspec.Struct):
            pass
    """
    loaded = load({"p": text}, {"p": PluginSettings(settings={"name": "b"})})
    assert ["b"] == list(loaded.backend_types)


def test_one_module_under_two_names_is_refused_once() -> None:
    """The second name is refused, the first goes on."""
    same = module("plugin_same", HOOK)
    sources = {name: Source(name=name, load=lambda: same) for name in ("a", "b")}
    loaded = load_plugins(
        dict.fromkeys(sources, PluginSettings()), folder=Path(), available=sources
    )
    assert ["", "it is the same module as another enabled plugin"] == [
        plugin.fault for plugin in loaded.plugins
    ]


@pytest.mark.parametrize("beside", ["rates.py", "rates/__init__.py"])
def test_a_plugin_file_cannot_import_what_lies_beside_it(tmp_path: Path, beside: str) -> None:
    """It is told to become a package, not to install a library of that name."""
    (tmp_path / beside).parent.mkdir(exist_ok=True)
    (tmp_path / beside).write_text("RATE = 1\n")
    (tmp_path / "shop.py").write_text("import rates\n")
    with pytest.raises(
        Unloadable, match=r"^it imports 'rates', which lies beside it: a plugin file"
    ):
        from_file("shop", tmp_path / "shop.py").load()


def test_a_plugin_file_without_its_library_is_told_to_install_it(tmp_path: Path) -> None:
    """What is not beside it is a library that is missing."""
    (tmp_path / "shop.py").write_text("import rates\n")
    with pytest.raises(Unloadable, match=r"'rates', which is not installed: install the library"):
        from_file("shop", tmp_path / "shop.py").load()
