"""``gateway completion``: a script for the shell."""

from __future__ import annotations

import click

from gateway.cli.options import Command
from gateway.cli.session import Session


@click.command(
    cls=Command,
    examples=(
        'eval "$(gateway completion bash)"                            # in ~/.bashrc',
        'eval "$(gateway completion zsh)"                             # in ~/.zshrc',
        "gateway completion fish > ~/.config/fish/completions/gateway.fish",
    ),
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print a completion script for a shell."""
    from click.shell_completion import get_completion_class

    session: Session = context.obj
    root = context.find_root()
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}")
    script = kind(root.command, {}, "gateway", "_GATEWAY_COMPLETE").source()
    session.print({"shell": shell, "script": script}, script)
