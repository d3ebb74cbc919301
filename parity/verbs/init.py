"""``parity init``: a policy to begin with."""

from pathlib import Path

import click


@click.command()
@click.argument("repository", type=click.Path(path_type=Path, exists=True, file_okay=False), default=".")
@click.option("--print", "prints", is_flag=True, help="Print the policy instead of writing it.")
def init(repository: Path, *, prints: bool) -> None:
    """Look at a REPOSITORY, and write a policy to begin with into its pyproject.toml.

    What looks like one program before and after its refactoring becomes a pair. Nothing is run.
    """
    from parity.errors import PolicyError
    from parity.policy import FILE, find_policy, read_policy
    from parity.report.wording import count
    from parity.run.starting import starting_policy
    from parity.surface.programs import find_programs

    programs = find_programs(repository)
    text = starting_policy(programs)
    if prints:
        click.echo(text, nl=False)
        return
    path = repository / FILE
    if find_policy(repository.resolve()) == path.resolve():
        message = f"{path} has a policy already; edit it, or see what would be written with: parity init --print"
        raise PolicyError(message)
    before = path.read_text(encoding="utf-8").rstrip("\n") + "\n\n" if path.is_file() else ""
    path.write_text(before + text, encoding="utf-8")
    pairs = read_policy(path).pairs
    ignored = _ignore_results(repository)
    click.echo(f"{count(len(programs), 'training program')}; wrote {count(len(pairs), 'pair')} to {path}")
    if ignored:
        click.echo(f"added {ignored} to {repository / '.gitignore'}")
    click.echo("next: read it, correct it, then: parity run" if pairs else "next: name a pair there, then: parity run")


def _ignore_results(repository: Path) -> str:
    """Keep what runs leave behind out of the history; what was added, or nothing where there is no repository."""
    line, path = "reports/out/", repository / ".gitignore"
    held = path.read_text(encoding="utf-8") if path.is_file() else ""
    if not (repository / ".git").exists() or line in held.splitlines():
        return ""
    separator = "" if not held or held.endswith("\n") else "\n"
    path.write_text(f"{held}{separator}{line}\n", encoding="utf-8")
    return line
