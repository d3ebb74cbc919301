"""``parity completion``: what a shell needs to complete this command line."""

import click

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print the completion script of a SHELL.

    \b
    bash: eval "$(parity completion bash)"    in ~/.bashrc
    zsh:  eval "$(parity completion zsh)"     in ~/.zshrc
    fish: parity completion fish | source     in ~/.config/fish/config.fish
    """  # noqa: D301 - click reads the backspace
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, f"click completes {shell}"
    click.echo(kind(click.get_current_context().find_root().command, {}, "parity", "_PARITY_COMPLETE").source())
