from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.servers.nanio import ObjectStore
from tests.unit.cli.town import CONFIG, Town


def empty(tmp_path: Path) -> Town:
    """A folder without a config."""
    return Town(tmp_path, {})


def test_init_writes_a_config_that_can_be_used_as_it_is(tmp_path: Path) -> None:
    """The written config passes the check, and only its owner can read it."""
    here = empty(tmp_path)
    told = here.call("init")
    assert 0 == told.code, told.err
    assert told.out.startswith("Wrote gateway.toml.")
    assert 0o600 == (tmp_path / "gateway.toml").stat().st_mode & 0o777
    checked = here.call("check", "--json")
    assert (0, {"desk": "desk"}) == (checked.code, checked.json["backends"]), checked.err


def test_init_overwrites_only_when_told_to(tmp_path: Path) -> None:
    """What an operator wrote is not lost by a second init."""
    here = empty(tmp_path)
    here.configure("# mine\n")
    told = here.call("init")
    assert (7, "") == (told.code, told.out)
    assert "Error: gateway.toml is there already; --force overwrites it\n" in told.err
    assert "# mine\n" == (tmp_path / "gateway.toml").read_text()
    assert 0 == here.call("init", "--force").code
    assert "# mine\n" != (tmp_path / "gateway.toml").read_text()


def test_init_where_nothing_can_be_written(tmp_path: Path) -> None:
    """A folder that is not there is told in a sentence."""
    told = empty(tmp_path).call("init", "no/such/gateway.toml")
    assert 7 == told.code
    assert "no/such/gateway.toml cannot be written: No such file or directory" in told.err


def test_check_tells_what_there_is(town: Town) -> None:
    """Plugins, channels and backends by name, with their types."""
    told = town.call("check")
    assert 0 == told.code, told.err
    assert "gateway.toml is in order." == told.out.splitlines()[0]
    assert "Channels  market (shop), elsewhere (shop)" in told.out


def test_check_probes_and_names_the_sick(town: Town) -> None:
    """A backend that refuses the password is named with what to do; the others are well."""
    told = town.call("check", "--probe", "--json")
    assert 8 == told.code
    assert "1 of 5 need an operator: backend/sick" == told.error["message"]
    assert {
        "state": "down",
        "code": "authentication_failed",
        "reason": "the password was refused; renew it",
    } == told.json["probes"]["backend/sick"]
    assert "ok" == told.json["probes"]["channel/market"]["state"]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("None", "answered None"),
        ("'fine'", "answered a value of type str"),
        ("Health(state='fine')", "answered a Health that is wrong (Invalid enum value 'fine'"),
    ],
)
def test_a_probe_that_answers_nonsense_is_named(own_town: Town, answer: str, found: str) -> None:
    """It is down as its plugin's fault, and hides nothing of the others."""
    shop = own_town.folder / "shop.py"
    said = f"\n\nasync def nonsense(self):\n    return {answer}\n\n\nShop.probe = nonsense\n"
    shop.write_text(shop.read_text() + said)
    told = own_town.call("check", "--probe", "--json")
    assert 8 == told.code
    probes = told.json["probes"]
    assert ("down", "wrong_answer") == tuple(
        probes["channel/market"][name] for name in ("state", "code")
    )
    assert f"probe of channel/market {found}" in probes["channel/market"]["reason"]
    assert "a Health is expected: mend or update the plugin" in probes["channel/market"]["reason"]
    assert "authentication_failed" == probes["backend/sick"]["code"]
    assert "ok" == probes["blobs"]["state"]


def test_check_tells_every_fault_at_once(own_town: Town) -> None:
    """Two faults are two lines with path, expectation and hint."""
    own_town.configure(CONFIG.replace("[web]", "[web]\nbody_limt = 1\nrequest_seconds = 'x'"))
    told = own_town.call("check")
    assert (3, "") == (told.code, told.out)
    assert "gateway.toml has 2 fault(s):" in told.err
    assert "web.body_limt" in told.err
    assert "body_limit" in told.err
    assert "web.request_seconds: expected a number" in told.err
    assert "Traceback" not in told.err


def test_check_without_a_config(tmp_path: Path) -> None:
    """The words say how to get one."""
    told = empty(tmp_path).call("check")
    assert 3 == told.code
    assert "expected a config file, found no such file (write one with: gateway init)" in told.err


def test_check_names_a_plugin_that_was_refused(own_town: Town) -> None:
    """A plugin that cannot be loaded is named with its reason, and what misses it as well."""
    (own_town.folder / "shop.py").write_text("import nowhere_to_be_found\n")
    told = own_town.call("check")
    assert 4 == told.code
    assert "gateway.toml cannot be used whole." == told.out.splitlines()[0]
    assert "Missing: channel/market: channel type 'shop' is missing" in told.out
    assert "Error: plugin 'shop': it needs 'nowhere_to_be_found'" in told.err


def test_the_config_comes_from_the_environment_or_an_option(town: Town, tmp_path: Path) -> None:
    """$GATEWAY_CONFIG names it, --config before or after the command beats that."""
    here, config = empty(tmp_path), str(town.folder / "gateway.toml")
    assert 0 == here.call("check", GATEWAY_CONFIG=config).code
    assert 0 == here.call("check", "-c", config, GATEWAY_CONFIG="nowhere.toml").code
    assert 3 == here.call("-c", "nowhere.toml", "check", GATEWAY_CONFIG=config).code


def test_schema_holds_the_plugins_settings(town: Town) -> None:
    """The schema is JSON and knows the shop's own settings."""
    told = town.call("schema")
    assert 0 == told.code, told.err
    assert "https://json-schema.org/draft/2020-12/schema" == told.json["$schema"]
    assert '"lenient"' in told.out


def test_schema_of_a_file_that_is_no_toml(own_town: Town) -> None:
    """The fault is told with its line."""
    own_town.configure("[web\n")
    told = own_town.call("schema")
    assert 3 == told.code
    assert "line 1, column 5: expected valid TOML" in told.err


def test_plugins_are_listed(town: Town) -> None:
    """Enabled and installed ones, with their hooks; the built-in policies too."""
    told = town.call("plugins", "--json")
    assert 0 == told.code, told.err
    states = {one["name"]: one["state"] for one in told.json}
    assert ("enabled", "enabled", "enabled", "installed") == tuple(
        states[name] for name in ("desk", "shop", "core", "email")
    )
    shop = next(one for one in told.json if one["name"] == "shop")
    assert "normalise_message" in shop["hooks"]


def test_plugins_doctor_examines_one(town: Town) -> None:
    """Where it is used, and how its hooks are called."""
    told = town.call("plugins", "doctor", "shop")
    assert 0 == told.code, told.err
    assert "channels.market, channels.elsewhere, backends.sick" in told.out
    assert "PIPE, closed, asked as 1 of 2" in told.out


def test_plugins_doctor_of_the_sick_and_the_missing(own_town: Town) -> None:
    """A broken plugin fails with its reason, an unknown one with those there are."""
    (own_town.folder / "shop.py").write_text("1 +\n")
    told = own_town.call("plugins", "doctor", "shop")
    assert 4 == told.code
    assert "it has a syntax error in" in told.err
    assert "State   refused" in told.out
    told = own_town.call("plugins", "doctor", "shopp")
    assert 6 == told.code
    assert "no plugin is called 'shopp'; there is desk, shop, core" in told.err


def test_a_plugins_command_is_a_command(town: Town) -> None:
    """It is in the help, and works with the store like the gateway's own."""
    assert "shout  Say a word loudly." in town.call("--help").out
    assert "HI!\n" == town.call("shout", "hi").out
    assert {"said": "HI"} == town.call("--json", "shout", "hi").json
    listed = town.call("desk", "list")
    assert (0, 2) == (listed.code, len(listed.out.splitlines())), listed.err
    told = town.call("desk", "list", "--desk", "nowhere")
    assert (6, "Error: no backend is called 'nowhere' in gateway.toml; there is desk, sick\n") == (
        told.code,
        told.err,
    )


def test_a_tenants_only_desk_needs_no_name(own_town: Town) -> None:
    """Of several desks the tenant's only one is worked on; else one has to be named."""
    own_town.configure(f'{CONFIG}[backends.helpdesk]\ntype = "desk"\ntenant = "acme"\n')
    told = own_town.call("--tenant", "acme", "desk", "list")
    assert 0 == told.code, told.err
    told = own_town.call("desk", "list")
    assert (6, True) == (told.code, "2 backends in" in told.err), told.err
    assert "are of type 'desk'; name one of desk, helpdesk\n" in told.err
    told = own_town.call("--tenant", "acme", "desk", "list", "--desk", "desk")
    assert (6, True) == (told.code, "no backend of tenant 'acme' is called 'desk'" in told.err)


def test_completion_prints_a_script(town: Town) -> None:
    """For each shell one that calls gateway back; another shell is a mistake."""
    told = town.call("completion", "zsh")
    assert (0, True) == (told.code, "_GATEWAY_COMPLETE=zsh_complete" in told.out), told.err
    told = town.call("completion", "csh")
    assert 2 == told.code
    assert "'csh' is not one of 'bash', 'zsh', 'fish'" in told.err


def test_completion_completes(town: Town) -> None:
    """What the script asks for is answered, plugins' commands included."""
    told = town.call(_GATEWAY_COMPLETE="bash_complete", COMP_WORDS="gateway s", COMP_CWORD="1")
    assert {"plain,schema", "plain,show", "plain,shout"} == set(told.out.split()), told.err


def test_a_misspelt_command(town: Town) -> None:
    """The words say what was perhaps meant."""
    told = town.call("conversatons")
    assert 2 == told.code
    assert "No command is called 'conversatons'. Is 'conversations' meant?" in told.err


def test_a_plugins_command_without_a_usable_config(own_town: Town) -> None:
    """A config with a fault keeps plugins' commands away, so the fault is what is told."""
    own_town.configure("[web]\nlisten = 5\n")
    told = own_town.call("desk", "list", "--json")
    assert 3 == told.code
    assert "web.listen" == json.loads(told.err)["error"]["faults"][0]["path"]


def test_a_probe_tells_what_is_wrong_with_the_object_store(
    tmp_path: Path, object_store: ObjectStore
) -> None:
    """A right key is well; a wrong one and a wrong bucket are told apart, without the secret."""
    here, bucket = Town(tmp_path, {}), object_store.create_bucket()
    config = f"""
        [store]
        blobs = "s3://%s/mail"
        [store.s3]
        endpoint = "{object_store.endpoint}"
        access_key = "{object_store.access_key}"
        secret_key = "${{KEY}}"
    """
    here.configure(config % bucket)
    told = here.call("check", "--probe", "--json", KEY=object_store.secret_key)
    assert (0, "ok") == (told.code, told.json["probes"]["blobs"]["state"]), told.err
    told = here.call("check", "--probe", "--json", KEY="wrong-secret")
    assert (8, "authentication_failed") == (told.code, told.json["probes"]["blobs"]["code"])
    assert "wrong-secret" not in told.out + told.err
    here.configure(config % "no-such-bucket")
    told = here.call("check", "--probe", "--json", KEY=object_store.secret_key)
    assert (8, "no_such_bucket") == (told.code, told.json["probes"]["blobs"]["code"])
    here.configure(config % "X")
    told = here.call("check", KEY="k")
    assert (3, True) == (
        told.code,
        "store.blobs: expected to be a folder or s3://BUCKET/PREFIX" in told.err,
    )
