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


class PolicyError(UsageError):
    """The policy file is missing, unreadable or holds unknown or invalid keys; all of them are listed."""

    slug = "policy"


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


class ReferenceFailedError(ParityError):
    """The reference program itself failed, so there is no standard to hold the candidate to."""

    slug = "reference-failed"
    exit_code = REFERENCE_FAILED
