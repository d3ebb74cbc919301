"""Every way this project refuses or fails, each with a slug to look up, an exit code, and an explanation.

The docstring of an error is what ``parity help SLUG`` prints and what docs/errors.md holds: what happened in one line,
then when it happens, then the way out.
"""

from collections.abc import Iterator
from typing import ClassVar, Final

PARITY: Final = 0
VIOLATED: Final = 1
USAGE: Final = 2
CANNOT_COMPARE: Final = 3
REFERENCE_FAILED: Final = 4
INTERNAL: Final = 5

EXIT_CODES: Final = {
    PARITY: "parity: everything that was compared is identical, equivalent within the measured noise, or accepted",
    VIOLATED: "violated: something counts against the candidate, its failing where the reference does not among it",
    USAGE: "usage or policy error: nothing was compared, because the command line, the policy or the ledger is wrong",
    CANNOT_COMPARE: "cannot compare: something needed on one side is missing, unreadable, or proves nothing",
    REFERENCE_FAILED: "the reference failed: there is no standard to hold the candidate to",
    INTERNAL: "internal error: a defect of this project",
}
"""What the exit codes mean. Of several results, the gravest, which is the highest, is that of the command."""


class ParityError(Exception):
    """Something went wrong inside this project, not in your programs.

    Anything that no other error describes ends like this, with a Python traceback.

    Way out: report it, with the traceback and what `parity doctor` prints.
    """

    slug: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = INTERNAL


class UsageError(ParityError):
    """The command line asks for something that cannot be done.

    The message names the word that was given and what was expected: two options that exclude each other, a pair that
    the policy does not have, a fingerprint that no stored finding has, a change to what is accepted in CI.

    Way out: `parity VERB --help` lists what a verb takes. `parity accept`, `parity approve` and `--save-baseline` are
    for your own machine: commit what they write.
    """

    slug = "usage"
    exit_code = USAGE


class CommandNotFoundError(UsageError):
    """A training command names a program that does not exist.

    Neither PATH nor the directory from which the command is run holds the program, or Python is given a script that
    is not there. Commands are run from the directory in which you call `parity`; `parity run` does the same.

    Way out: call `parity` from the directory in which the command works by itself, or write the path in full.
    """

    slug = "command-not-found"


class IsolatedInterpreterError(UsageError):
    """Python is told by -E or -I to ignore the environment, where recording starts.

    Recording reaches a program through PYTHONPATH, and these options make Python disregard it.

    Way out: leave the option out, or let that interpreter record nevertheless, by one file among its packages:
    `parity doctor --install-pth --python INTERPRETER`. `--uninstall-pth` removes it again.
    """

    slug = "isolated-interpreter"


class RevisionError(UsageError):
    """A revision cannot be had from git.

    `parity bisect` was called outside a git repository, a revision does not exist, or the bad one does not come after
    the good one; or git itself failed, with the message that is shown.

    Way out: `git log --oneline` lists the revisions; call it from the directory in which the command works.
    """

    slug = "revision"


class InterpreterError(UsageError):
    """An interpreter cannot be asked for its packages, or they cannot be written to.

    What `parity doctor --python` names is no Python, does not start, or belongs to a system that protects its packages.

    Way out: name the interpreter of an environment of your own, such as one made by `python -m venv`.
    """

    slug = "interpreter"


class PolicyError(UsageError):
    """The policy or the ledger is missing, unreadable, or holds unknown or invalid keys; all of them are listed.

    It concerns `[tool.parity]` of the nearest pyproject.toml, or the file after `--config` or `--policy`, and
    `reports/waivers.toml`. A key that nobody knows is an error, so that a misspelt tolerance is not silently without
    effect.

    Way out: correct each line that is listed; `docs/policy.md` describes every key, and the JSON Schemas beside it let
    an editor check them. `parity init` writes a policy to begin with.
    """

    slug = "policy"


class TraceUnwritableError(UsageError):
    """The directory for a trace or a result cannot be made or written.

    It is read-only, the disk is full, or a file of that name is in the way.

    Way out: choose another place with `-o`, or make room.
    """

    slug = "trace-unwritable"


class SourceUnreadableError(UsageError):
    """A file or directory was named for an import, but holds nothing that could be imported.

    `parity import` reads event files of TensorBoard, offline files of wandb, databases of trackio, CSV, JSON lines and
    printed logs, and tells them apart by what they hold.

    Way out: name the file itself, or the directory right above it. Logs are read where numbers follow a name, as in
    `step 10: loss 1.25`.
    """

    slug = "source-unreadable"


class SurfaceUnreadableError(UsageError):
    """A file or folder was named as a program, but holds no Python source that could be read.

    The path does not exist, is no Python or has a syntax error, or the folder holds far more than one program.

    Way out: name the script, or the folder of its package.
    """

    slug = "surface-unreadable"


class ExportError(UsageError):
    """A run cannot be exported: unknown format, missing package, or no place to write.

    Way out: the suffix of the file chooses the format: .csv, .jsonl or .parquet. Parquet needs
    `pip install 'training-parity[arrow]'`.
    """

    slug = "export"


class MissingExtraError(UsageError):
    """What was asked for needs a package that comes with an extra of this one, and is not installed.

    Way out: the message names the extra; install it into the environment from which `parity` is called, as in
    `pip install 'training-parity[plots]'`.
    """

    slug = "missing-extra"


class CannotCompareError(ParityError):
    """There is nothing on one side that the other could be compared with.

    No verdict was reached, which is neither parity nor a violation.

    Way out: the message says which side lacks what.
    """

    slug = "cannot-compare"
    exit_code = CANNOT_COMPARE


class RevisionUnusableError(CannotCompareError):
    """One of the two revisions that `parity bisect` begins with does not serve.

    Its program does not run to its end, its training does not reproduce itself, or the one that was named as good is
    not in parity with the reference.

    Way out: name another revision. The message says what is wrong with this one; `parity compare` in a checkout of it
    shows more.
    """

    slug = "revision-unusable"


class TraceMissingError(CannotCompareError):
    """A directory was named as a trace or as results, but holds none.

    A trace is a directory with a manifest.json, results are directories with a result.json.

    Way out: make one with `parity record -o DIR -- COMMAND`, `parity compare` or `parity run`. Their output lies in
    `reports/out/PAIR/SCENARIO`, the traces in `reference/trace` and `candidate/trace` below it.
    """

    slug = "trace-missing"


class TraceUnreadableError(CannotCompareError):
    """A trace or a result exists but cannot be read at all.

    A run that was killed can be read up to its last update; here not even the beginning is intact, or the files were
    changed by something else.

    Way out: record the run again.
    """

    slug = "trace-unreadable"


class TraceTruncatedError(CannotCompareError):
    """A trace ends in the middle of something, although the program that was recorded came to its end.

    The file was copied in part, or the disk was full. What is intact was compared, and nothing in it differs; nobody
    knows about the rest. A difference in the intact part is reported as ever.

    Way out: copy the trace again from where it was recorded, or record the run again.
    """

    slug = "trace-truncated"


class TraceSchemaError(CannotCompareError):
    """A trace was written by another version of the format.

    Way out: record the run again with this version, or read it with the version that wrote it. `docs/trace-format.md`
    has the history of the format.
    """

    slug = "trace-schema"


class NothingRecordedError(CannotCompareError):
    """A program ran, but left nothing that defines a training.

    It ended before its first update, trains in a process that the recording did not reach, does not use torch, or was
    to be interrupted at an update that it never makes.

    Way out: run it by itself and see that it trains; `parity doctor` says what can be recorded here, and
    `parity help isolated-interpreter` about `python -E` and `-I`. Programs on other machines, in containers, or started
    with a cleaned environment are out of reach.
    """

    slug = "nothing-recorded"


class CheckpointMissingError(CannotCompareError):
    """A checkpoint was named that does not exist, or that is neither a regular file nor a directory.

    Way out: name the file, or the directory with all its shards. Locations such as s3:// need
    `pip install 'training-parity[remote]'`.
    """

    slug = "checkpoint-missing"


class CheckpointMalformedError(CannotCompareError):
    """A file of a checkpoint is truncated, contradicts itself, or claims bytes that it does not have.

    Checkpoints are read without running anything in them, so every length and offset is checked before it is used.

    Way out: copy the file again; where it came out of a run like that, the run was stopped while it saved.
    """

    slug = "checkpoint-malformed"


class CheckpointUnsupportedError(CannotCompareError):
    """A file of a checkpoint is written in a way that cannot be read without running something.

    `docs/checkpoints.md` lists the formats that are read.

    Way out: save plain state dicts, of tensors, numbers, texts, lists and dictionaries, or convert the file with the
    program that wrote it.
    """

    slug = "checkpoint-unsupported"


class CheckpointTooLargeError(CannotCompareError):
    """What a file describes would need more time or memory than reading a checkpoint may take.

    Sizes of tensors are not limited. Limited are what comes before them: nesting, the number of entries, the length of
    headers, which in a genuine checkpoint stay far below.

    Way out: a genuine checkpoint of that kind is worth a report; anything else is not what it claims to be.
    """

    slug = "checkpoint-too-large"


class CheckpointEscapesError(CannotCompareError):
    """A checkpoint refers to a file outside its own directory.

    An index names a shard by a path that leads elsewhere, or a shard is a link to elsewhere. It is not followed.

    Way out: put the files of the checkpoint into one directory.
    """

    slug = "checkpoint-escapes"


class TeardownAbortError(CannotCompareError):
    """The communication library aborted a process after its training was complete; this is no parity failure.

    It happens when the processes of a group end without having agreed to: all updates are recorded, and only the exit
    status of the program is not its own.

    Way out: run again. Where it keeps happening, let the program call `torch.distributed.destroy_process_group()`
    before it ends.
    """

    slug = "teardown-abort"


class BaselineError(CannotCompareError):
    """A stored reference is missing, no longer trusted, or was recorded on another machine or with other packages.

    Bits depend on processor, torch, its threads and the packages that compute; a baseline holds for those alone.

    Way out: where the reference still runs, store it again with `parity run PAIR --save-baseline OWNER YYYY-MM-DD`, or
    take `baseline = true` out of the policy. Where it does not, run on the machine and with the packages that the
    message names.
    """

    slug = "baseline"


class ReferenceFailedError(ParityError):
    """The reference program itself failed, so there is no standard to hold the candidate to.

    The last lines that it printed are below the message. A `setup` or `prepare` command that fails counts as this too.

    Way out: run the command by itself, from the same directory and in the same environment. `{out}` and `{shared}` in a
    command stand for directories that are made anew.
    """

    slug = "reference-failed"
    exit_code = REFERENCE_FAILED


class LaunchServerError(ParityError):
    """The process from which programs are started quickly has ended while one of them ran.

    Short CPU programs begin as copies of a process that has torch imported. Something ended that process, most often
    for want of memory.

    Way out: `--fresh` starts every program in a process of its own.
    """

    slug = "launch-server"


def errors(kind: type[ParityError] = ParityError) -> Iterator[type[ParityError]]:
    """``kind`` and every error below it, in the order of this file."""
    yield kind
    for below in kind.__subclasses__():
        yield from errors(below)
