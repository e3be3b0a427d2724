"""How a command that failed says so: one sentence, or JSON, on the standard error."""

from __future__ import annotations

import sys
import traceback
from typing import Any

import click
import msgspec

from gateway.cli.exits import FAULT, INTERRUPTED, USAGE
from gateway.cli.terminal import plain_lines
from gateway.errors import ConfigError, GatewayError

_NO_COMMAND = click.exceptions.NoArgsIsHelpError
"""A group was called without a command: its message is the whole help."""


def fail(error: BaseException, *, as_json: bool) -> int:
    """Say what went wrong and return the exit code.

    Args:
        error: what was raised; one that nobody expected is shown with its traceback.
        as_json: write ``{"error": {"code": …, "message": …, "exit_code": …}}``.
    """
    code, exit_code, message, more = _read(error)
    if exit_code == FAULT:
        traceback.print_exception(error, file=sys.stderr)
    if as_json:
        told = {"code": code, "message": message, "exit_code": exit_code, **more}
        click.echo(msgspec.json.encode({"error": told}).decode(), err=True)
        return exit_code
    if isinstance(error, _NO_COMMAND):
        click.echo(error.format_message(), err=True)
        return exit_code
    usage = _usage(error)
    if usage:
        click.echo(usage, err=True)
    click.echo(f"Error: {plain_lines(message)}", err=True)
    return exit_code


def _read(error: BaseException) -> tuple[str, int, str, dict[str, Any]]:
    match error:
        case ConfigError():
            faults = [
                {
                    "path": fault.path,
                    "expected": fault.expected,
                    "found": fault.found,
                    "hint": fault.hint,
                }
                for fault in error.faults
            ]
            return error.code, error.exit_code, str(error), {"faults": faults}
        case GatewayError():
            return error.code, error.exit_code, str(error), {}
        case click.Abort() | KeyboardInterrupt():
            return "interrupted", INTERRUPTED, "interrupted", {}
        case _NO_COMMAND() if error.ctx is not None:
            return "usage", USAGE, f"{error.ctx.command_path} needs a command, see --help", {}
        case click.ClickException():
            return "usage", USAGE, error.format_message(), {}
        case _:
            said = f"a fault of the gateway itself: {type(error).__name__}: {error}"
            return "fault", FAULT, said, {}


def _usage(error: BaseException) -> str:
    """The usage line of the command that was misused, and where its help is."""
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return ""
    context = error.ctx
    return f"{context.get_usage()}\nTry '{context.command_path} --help' for help."
