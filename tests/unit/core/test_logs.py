"""Logs never show secrets, bodies or card numbers, in whatever they are wrapped."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog

from gateway.config.secret import Secret
from gateway.core.logs import HIDDEN, log_for, set_up_logs
from gateway.errors import AuthenticationFailed

CANARY = "canary-7f3a91"
CARD = "4111 1111 1111 1111"
Form = Literal["console", "json"]


@pytest.fixture(params=["console", "json"])
def form(request: pytest.FixtureRequest) -> Iterator[Form]:
    """Each form of log lines in turn; logging is put back afterwards."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield request.param
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was logged."""
    return capsys.readouterr().err


def fail(password: str) -> None:
    """Fail with secrets in local variables."""
    settings = {"password": password, "body": f"text {password}"}
    raise RuntimeError(f"no way with {len(settings)} settings")


@pytest.mark.parametrize(
    "fields",
    [
        *({name: CANARY} for name in sorted(HIDDEN)),
        {"Authorization": f"Bearer {CANARY}"},
        {"access_token": CANARY},
        {"reply_token": CANARY},
        {"client_secret": CANARY},
        {"x-auth-token": CANARY},
        {"set-cookie": CANARY},
        {"smtp_password": CANARY},
        {"raw_body": CANARY},
        {"headers": {"Authorization": CANARY, "Cookie": [CANARY]}},
        {"request": {"headers": [{"token": CANARY}]}},
        {"settings": Secret(CANARY)},
        {"data": CANARY.encode()},
        {"data": [{"deep": {"deeper": ({"secret": CANARY},)}}]},
    ],
)
def test_secret_fields_are_hidden(
    form: Form, fields: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is called a secret, token, password, body or text shows nothing, however deep."""
    set_up_logs("info", form)
    log_for("channel/post").warning("something.happened", **fields)
    written = said(capsys)
    assert CANARY not in written
    assert "something.happened" in written


def test_tracebacks_show_no_variables(form: Form, capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback tells where and what, but not what the variables held."""
    set_up_logs("info", form)
    try:
        fail(CANARY)
    except RuntimeError as error:
        log_for("pipeline").error("pipeline.failed", exc_info=error)
    written = said(capsys)
    assert CANARY not in written
    assert "no way with 2 settings" in written
    assert "test_logs.py" in written


def test_card_numbers_are_redacted_everywhere(
    form: Form, capsys: pytest.CaptureFixture[str]
) -> None:
    """Card numbers in events, fields, nested values and exceptions are blacked out."""
    set_up_logs("info", form)
    try:
        raise ValueError(f"cannot charge {CARD}")
    except ValueError as error:
        log_for("x").error(
            f"paid with {CARD}", reason=f"card {CARD}", facts={"list": [CARD]}, exc_info=error
        )
    written = said(capsys)
    assert CARD not in written
    assert written.count("[card …1111]") + written.count("[card \\u20261111]") >= 4


def test_other_libraries_come_out_the_same_way(
    form: Form, capsys: pytest.CaptureFixture[str]
) -> None:
    """Warnings of libraries are logged with the same care, their debug lines not at all."""
    set_up_logs("info", form)
    library = logging.getLogger("some.library")
    library.warning("charged %s", CARD)
    library.debug("token is %s", CANARY)
    try:
        fail(CANARY)
    except RuntimeError:
        library.exception("it broke")
    written = said(capsys)
    assert CARD not in written
    assert CANARY not in written
    assert "charged" in written
    assert "no way with 2 settings" in written


def test_long_values_are_cut(form: Form, capsys: pytest.CaptureFixture[str]) -> None:
    """A value of a megabyte does not fill the disk."""
    set_up_logs("info", form)
    log_for("x").info("long", reason="a" * 1_000_000)
    assert len(said(capsys)) < 3000


def test_json_lines_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line, with level, time and part."""
    set_up_logs("info", "json")
    try:
        log_for("store").info("opened", numbers=(1, 2))
        log_for("store").debug("not at this level")
    finally:
        logging.getLogger().handlers[:] = []
        structlog.reset_defaults()
    [line] = said(capsys).splitlines()
    fields = json.loads(line)
    assert ("opened", "info", "store", [1, 2]) == (
        fields["event"], fields["level"], fields["part"], fields["numbers"],
    )  # fmt: skip


def test_errors_tell_code_and_sentence() -> None:
    """An error of a connector is its sentence, without anything around it."""
    error = AuthenticationFailed("the password was refused", code="535")
    assert ("the password was refused", "535") == (str(error), error.reason_code)
