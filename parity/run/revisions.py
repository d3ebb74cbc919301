"""The revisions of a git repository: which lie between two of them, and each one's files in a directory of its own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parity.errors import RevisionError

_SHORT: Final = 10
_OURS: Final = "GIT_"


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One revision: its full id, and the first line of its message."""

    id: str
    subject: str

    @property
    def short(self) -> str:
        """The beginning of its id."""
        return self.id[:_SHORT]

    def __str__(self) -> str:
        return f"{self.short} {self.subject}"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository, as seen from ``here``, a directory of its working tree."""

    root: Path
    here: Path

    def commit(self, revision: str) -> Commit:
        """The commit that ``revision`` names.

        Raises:
            RevisionError: it names none.
        """
        found = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", fails=True)
        if not found:
            message = f"{revision!r} is no revision of {self.root}; expected a commit, a branch or a tag"
            raise RevisionError(message)
        return self._commits("--max-count=1", found)[0]

    def between(self, good: Commit, bad: Commit) -> list[Commit]:
        """The commits after ``good`` up to ``bad``, oldest first; a merge counts as one.

        Raises:
            RevisionError: ``good`` is no ancestor of ``bad``, or both are the same.
        """
        if self._git("merge-base", good.id, bad.id, fails=True) != good.id or good == bad:
            message = f"{bad.short} does not come after {good.short}: name the good revision, then a later bad one"
            raise RevisionError(message)
        return self._commits("--reverse", "--first-parent", f"{good.id}..{bad.id}")

    @contextmanager
    def checked_out(self, commit: Commit, place: Path, links: Sequence[Path] = ()) -> Iterator[Path]:
        """The files of ``commit`` in the directory ``place``, which is gone afterwards; yield what ``here`` is in it.

        ``links`` are files and directories below ``here`` that lead to those of the working tree, where the commit has
        none of its own.
        """
        try:
            self._git("worktree", "add", "--force", "--detach", str(place), commit.id)
            there = place / self.here.relative_to(self.root)
            there.mkdir(parents=True, exist_ok=True)
            for link in links:
                if not (there / link).exists():
                    (there / link).parent.mkdir(parents=True, exist_ok=True)
                    (there / link).symlink_to((self.here / link).resolve())
            yield there
        finally:
            self._git("worktree", "remove", "--force", "--force", str(place), fails=True)
            shutil.rmtree(place, ignore_errors=True)
            self._git("worktree", "prune", fails=True)

    def _commits(self, *words: str) -> list[Commit]:
        lines = self._git("log", "--format=%H %s", *words, "--").splitlines()
        return [Commit(id=line.partition(" ")[0], subject=line.partition(" ")[2]) for line in lines]

    def _git(self, *words: str, fails: bool = False) -> str:
        """What git prints; empty where it fails and may."""
        # A hook that calls us tells git where it is, by variables that would lead our worktrees astray.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode and not fails:
            message = f"git {words[0]} failed in {self.root}: {done.stderr.strip()}"
            raise RevisionError(message)
        return done.stdout.strip() if not done.returncode else ""


def find_repository(here: Path) -> Repository:
    """The repository that ``here`` is in.

    Raises:
        RevisionError: it is in none, or git is not installed.
    """
    if shutil.which("git") is None:
        message = "git is not installed; expected a program of that name on PATH"
        raise RevisionError(message)
    here = here.resolve()
    found = subprocess.run(
        ["git", "rev-parse", "--show-toplevel"], cwd=here, capture_output=True, text=True, check=False
    )
    if found.returncode:
        message = f"{here} is in no git repository: call parity bisect from the directory in which the command works"
        raise RevisionError(message)
    return Repository(root=Path(found.stdout.strip()).resolve(), here=here)


@contextmanager
def temporary_place() -> Iterator[Path]:
    """A directory for worktrees, which is gone afterwards."""
    place = Path(tempfile.mkdtemp(prefix="parity-bisect-")).resolve()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
