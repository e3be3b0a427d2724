from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from gateway.config.interpolation import interpolate
from gateway.config.invalid import InvalidSetting
from gateway.config.secret import Secret
from gateway.config.validation import validate


class Server(msgspec.Struct, frozen=True, kw_only=True):
    host: str
    port: Annotated[int, Meta(ge=1, le=65535)] = 25
    password: Secret | None = None


class Polling(msgspec.Struct, frozen=True, kw_only=True, tag="poll", tag_field="how"):
    seconds: float = 60.0


class Pushing(msgspec.Struct, frozen=True, kw_only=True, tag="push", tag_field="how"):
    path: str


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    server: Server
    others: tuple[Server, ...] = ()
    folders: dict[str, Annotated[int, Meta(gt=0)]] = {}
    mode: Literal["idle", "poll"] = "idle"
    keys: list[Secret] = []
    fetch: Polling | Pushing | None = None
    names: Annotated[tuple[str, ...], Meta(min_length=1)] = ("INBOX",)
    limit: Annotated[float, Meta(gt=0)] | str = 1.0


class Range(msgspec.Struct, frozen=True, kw_only=True):
    low: int = 0
    high: int = 1

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise InvalidSetting("low to be at most high", hint="swap them")
        if self.high > 100:
            raise ValueError("high to be at most 100")


class Several(msgspec.Struct, frozen=True, kw_only=True):
    url: str = ""
    keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.url:
            raise ValueError("either this or that")
        raise ValueError("url to be a URL; with https; keys[1] to be longer")


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    seconds: Annotated[float, Meta(gt=0)] = 1.0
    pauses: tuple[float, ...] = ()
    days: Annotated[Annotated[float, Meta(gt=0)] | None, Meta(description="Days.")] = None
    keys: tuple[Annotated[Secret, Meta(extra={"least": 8})], ...] = ()


class Named(msgspec.Struct, frozen=True, kw_only=True):
    tables: dict[
        Annotated[str, Meta(pattern="^[a-z]$", extra={"expects": "a small letter"})], Range
    ] = {}


def faults_of(kind: type[msgspec.Struct], data: dict[str, Any], **given: Any) -> list[str]:
    """The faults as the user reads them."""
    return [str(fault) for fault in validate(kind, data, "channels.x", **given)[1]]


def test_a_sound_table_becomes_a_value() -> None:
    """Nested tables, lists of tables, tagged tables, secrets and numbers are all read."""
    value, faults = validate(
        Mailbox,
        {
            "server": {"host": "a", "port": 143, "password": "p"},
            "others": [{"host": "b"}],
            "folders": {"INBOX": 1},
            "mode": "poll",
            "keys": ["k"],
            "fetch": {"how": "push", "path": "/x"},
            "limit": 2,
        },
    )
    assert [] == faults
    assert value == Mailbox(
        server=Server(host="a", port=143, password=Secret("p")),
        others=(Server(host="b"),),
        folders={"INBOX": 1},
        mode="poll",
        keys=[Secret("k")],
        fetch=Pushing(path="/x"),
        limit=2,
    )


def test_every_fault_is_told_at_once() -> None:
    """Faults in nested tables, lists, dicts, choices and unknown keys come in one go."""
    assert faults_of(
        Mailbox,
        {
            "server": {"prot": 25, "port": 0},
            "others": [{"host": 1}, {"host": "b", "port": "x"}],
            "folders": {"INBOX": 0, "a b": "c"},
            "mode": "push",
            "names": [],
            "fetch": {"how": "pull"},
        },
    ) == [
        "channels.x.server.prot: expected a known key, found 'prot' (did you mean 'port'?)",
        "channels.x.server.host: expected text, found nothing (add host = …)",
        "channels.x.server.port: expected a whole number from 1 to 65535, found 0",
        "channels.x.others[0].host: expected text, found 1",
        'channels.x.others[1].port: expected a whole number from 1 to 65535, found "x"',
        "channels.x.folders.INBOX: expected a whole number above 0, found 0",
        'channels.x.folders."a b": expected a whole number above 0, found "c"',
        'channels.x.mode: expected one of "idle", "poll", found "push"',
        (
            'channels.x.fetch: expected a table with how = "poll" or a table with how = "push", '
            "found a table"
        ),
        "channels.x.names: expected a list of texts, at least 1, found an empty list",
    ]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"server": "a"}, 'channels.x.server: expected a table, found "a"'),
        (
            {"server": {"host": "a"}, "names": "INBOX"},
            'channels.x.names: expected a list of texts, at least 1, found "INBOX" (write ["INBOX"])',
        ),
        (
            {"server": {"host": "a"}, "others": {}},
            "channels.x.others: expected a list of tables, found a table",
        ),
        ({"server": {"host": "a"}, "folders": 1}, "channels.x.folders: expected a table, found 1"),
        (
            {"server": {"host": True}},
            "channels.x.server.host: expected text, found true",
        ),
        (
            {"server": {"host": "a", "port": True}},
            "channels.x.server.port: expected a whole number from 1 to 65535, found true",
        ),
        (
            {"server": {"host": "a", "port": "25"}},
            'channels.x.server.port: expected a whole number from 1 to 65535, found "25"',
        ),
    ],
)
def test_wrong_types_are_told_in_words(data: dict[str, Any], told: str) -> None:
    """Types are strict, and both sides are said in the words of who writes the config."""
    assert [told] == faults_of(Mailbox, data)


@pytest.mark.parametrize("value", [12345, ["hunter2"], {"hunter2": 1}])
def test_a_secret_of_a_wrong_type_is_not_shown(value: Any) -> None:
    """What stands where a secret should be is never repeated."""
    (told,) = faults_of(Server, {"host": "a", "password": value})
    assert told.startswith(
        "channels.x.password: expected a secret: text, ${VARIABLE} or file:PATH, found a"
    )
    assert "12345" not in told
    assert "hunter2" not in told


def test_a_secret_beside_a_list_of_secrets_is_not_shown() -> None:
    """Plain text where a list of secrets is wanted is not repeated, not even as a hint."""
    (told,) = faults_of(Mailbox, {"server": {"host": "a"}, "keys": "hunter2"})
    assert told == (
        "channels.x.keys: expected a list, each a secret: text, ${VARIABLE} or file:PATH, found text"
    )


def test_a_password_in_a_url_is_not_shown() -> None:
    """A database URL in the wrong place loses its password in the error."""
    (told,) = faults_of(Server, {"host": "a", "port": "postgresql://u:hunter2@host/db"})
    assert "hunter2" not in told
    assert '"postgresql://u:•••@host/db"' in told


def test_values_from_the_environment_are_read_as_numbers_and_never_shown() -> None:
    """Environment variables are always text, so they may stand for numbers."""
    tree, _ = interpolate(
        {"host": "${H}", "port": "${P}"}, {"H": "example.com", "P": "143", "BAD": "hunter2"}
    )
    assert validate(Server, tree)[0] == Server(host="example.com", port=143)
    tree, _ = interpolate({"host": "a", "port": "${BAD}"}, {"BAD": "hunter2"})
    assert faults_of(Server, tree) == [
        "channels.x.port: expected a whole number from 1 to 65535, found the value of ${BAD}"
    ]


def test_a_missing_variable_is_told_once() -> None:
    """Interpolation has told of it; validation does not add a second fault for the same place."""
    tree, faults = interpolate({"host": "${NO}"}, {})
    assert 1 == len(faults)
    assert (None, []) == validate(Server, tree)


def test_a_faulty_field_with_a_default_does_not_hide_the_rest() -> None:
    """The value comes with defaults in place of what is faulty, so that later checks can run."""
    value, faults = validate(Server, {"host": "a", "port": "x"})
    assert Server(host="a") == value
    assert 1 == len(faults)


def test_a_missing_variable_is_not_told_a_second_time_by_the_types_own_checks() -> None:
    """What a table lacks because a variable is missing is no fault of the table's own."""
    data, missing = interpolate({"low": 7, "high": "${HIGH}"}, {}, "channels.x")
    assert ["channels.x.high"] == [fault.path for fault in missing]
    assert [] == faults_of(Range, data)


def test_further_known_keys_help_the_hint() -> None:
    """A typo in one of the gateway's own keys is recognised beside a plugin's."""
    assert faults_of(Server, {"host": "a", "tennant": "b"}, also_known=("tenant",)) == [
        "channels.x.tennant: expected a known key, found 'tennant' (did you mean 'tenant'?)"
    ]
    assert faults_of(Polling, {"how": "poll", "zzz": 1}) == [
        "channels.x.zzz: expected a known key, found 'zzz' (known here: seconds)"
    ]


def test_a_types_own_checks_are_told() -> None:
    """What __post_init__ raises becomes a fault of the table, with its hint if it has one."""
    assert faults_of(Range, {"low": 2}) == [
        "channels.x.low: expected to be at most high (swap them)"
    ]
    assert faults_of(Range, {"high": 200}) == ["channels.x.high: expected to be at most 100"]


def test_each_sentence_of_a_types_own_check_names_its_field() -> None:
    """Several are several faults; one about no field stays with the table, or the one before."""
    assert faults_of(Several, {}) == [
        "channels.x.url: expected to be a URL; with https",
        "channels.x.keys[1]: expected to be longer",
    ]
    assert faults_of(Several, {"url": "x"}) == ["channels.x: expected either this or that"]


@pytest.mark.parametrize("number", ["inf", "-inf", "nan"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    """TOML can say inf and nan; no time and no share can be either."""
    assert faults_of(Waiting, tomllib.loads(f"seconds = {number}\npauses = [1.0, {number}]")) == [
        f"channels.x.seconds: expected a number above 0, found {number}"
        + (" (neither inf nor nan)" if number == "inf" else ""),
        f"channels.x.pauses[1]: expected a number, found {number} (neither inf nor nan)",
    ]


def test_a_limit_of_a_number_that_may_be_left_out_is_told() -> None:
    """What is expected says the limit, wherever the type has it."""
    assert faults_of(Waiting, {"days": -3}) == [
        "channels.x.days: expected a number above 0, found -3"
    ]


def test_a_bad_name_does_not_hide_what_is_below_it() -> None:
    """Both are told."""
    assert faults_of(Named, {"tables": {"A": {"low": "x"}}}) == [
        'channels.x.tables.A: expected a small letter, found "A"',
        'channels.x.tables.A.low: expected a whole number, found "x"',
    ]


def test_a_short_secret_is_told_beside_other_faults() -> None:
    """Every key of a list that is too short, and none of them shown."""
    told = faults_of(Waiting, {"keys": ["short", "file:/nowhere", "s" * 8, "small"]})
    assert told[0] == (
        "channels.x.keys[0]: expected a secret of at least 8 characters, found a shorter one "
        "(make one with: openssl rand -hex 8)"
    )
    assert ["channels.x.keys[0]", "channels.x.keys[1]", "channels.x.keys[3]"] == [
        one.partition(":")[0] for one in told
    ]


def test_secret_files_start_at_the_folder(tmp_path: Path) -> None:
    """A plugin's secret file is found beside the config, and a missing one is named."""
    (tmp_path / "pw").write_text("hunter2\n")
    value, _ = validate(Server, {"host": "a", "password": "file:pw"}, folder=tmp_path)
    assert value is not None
    assert Secret("hunter2") == value.password
    (told,) = faults_of(Server, {"host": "a", "password": "file:no"}, folder=tmp_path)
    assert told.startswith(
        f"channels.x.password: expected a readable secret file, found {tmp_path / 'no'}: No such file"
    )
