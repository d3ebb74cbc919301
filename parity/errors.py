"""Every way this project refuses or fails, each with a slug to look up and an exit code."""

from typing import ClassVar, Final

PARITY: Final = 0
VIOLATED: Final = 1
USAGE: Final = 2
CANNOT_COMPARE: Final = 3
REFERENCE_FAILED: Final = 4
INTERNAL: Final = 5


class ParityError(Exception):
    """Base of all errors that are explained to the user in one line.

    The message names the offending value, what was expected and the way out.
    """

    slug: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = INTERNAL


class UsageError(ParityError):
    """The command line asks for something that cannot be done."""

    slug = "usage"
    exit_code = USAGE


class CommandNotFoundError(UsageError):
    """A training command names a program that does not exist."""

    slug = "command-not-found"


class IsolatedInterpreterError(UsageError):
    """Python is told by -E or -I to ignore the environment, where recording starts; a .pth file does without it."""

    slug = "isolated-interpreter"


class InterpreterError(UsageError):
    """An interpreter cannot be asked for its packages, or they cannot be written to."""

    slug = "interpreter"


class PolicyError(UsageError):
    """The policy file is missing, unreadable or holds unknown or invalid keys; all of them are listed."""

    slug = "policy"


class TraceUnwritableError(UsageError):
    """The directory for a trace cannot be made or written: it is read-only, full, or a file of that name exists."""

    slug = "trace-unwritable"


class SourceUnreadableError(UsageError):
    """A file or directory was named for an import, but holds nothing that could be imported."""

    slug = "source-unreadable"


class SurfaceUnreadableError(UsageError):
    """A file or folder was named as a program, but holds no Python source that could be read."""

    slug = "surface-unreadable"


class ExportError(UsageError):
    """A run cannot be exported: unknown format, missing package, or no place to write."""

    slug = "export"


class MissingExtraError(UsageError):
    """What was asked for needs a package that comes with an extra of this one, and is not installed."""

    slug = "missing-extra"


class CannotCompareError(ParityError):
    """There is nothing on one side that the other could be compared with."""

    slug = "cannot-compare"
    exit_code = CANNOT_COMPARE


class TraceMissingError(CannotCompareError):
    """A directory was named as a trace but holds none."""

    slug = "trace-missing"


class TraceUnreadableError(CannotCompareError):
    """A trace exists but cannot be read at all."""

    slug = "trace-unreadable"


class TraceSchemaError(CannotCompareError):
    """A trace was written by another version of the format."""

    slug = "trace-schema"


class NothingRecordedError(CannotCompareError):
    """A program ran, but left nothing that defines a training."""

    slug = "nothing-recorded"


class CheckpointMissingError(CannotCompareError):
    """A checkpoint was named that does not exist, or that is neither a regular file nor a directory."""

    slug = "checkpoint-missing"


class CheckpointMalformedError(CannotCompareError):
    """A file of a checkpoint is truncated, contradicts itself, or claims bytes that it does not have."""

    slug = "checkpoint-malformed"


class CheckpointUnsupportedError(CannotCompareError):
    """A file of a checkpoint is written in a way that cannot be read without running something."""

    slug = "checkpoint-unsupported"


class CheckpointTooLargeError(CannotCompareError):
    """What a file describes would need more time or memory than reading a checkpoint may take."""

    slug = "checkpoint-too-large"


class CheckpointEscapesError(CannotCompareError):
    """A checkpoint refers to a file outside its own directory."""

    slug = "checkpoint-escapes"


class TeardownAbortError(CannotCompareError):
    """The communication library aborted a process after its training was complete; this is no parity failure."""

    slug = "teardown-abort"


class BaselineError(CannotCompareError):
    """A stored reference is missing, no longer trusted, or was recorded on another machine or with other packages."""

    slug = "baseline"


class ReferenceFailedError(ParityError):
    """The reference program itself failed, so there is no standard to hold the candidate to."""

    slug = "reference-failed"
    exit_code = REFERENCE_FAILED


class LaunchServerError(ParityError):
    """The process from which programs are started quickly has ended while one of them ran; --fresh does without it."""

    slug = "launch-server"
