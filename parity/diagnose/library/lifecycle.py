"""Causes in how a run begins and ends: seeds and initial weights, failures, the number of updates."""

import re
from typing import Final

from parity.compare.measurement import Difference, Measurement
from parity.diagnose.case import Case, Place
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import START, VALUE, Prediction, at, expects, explained, first, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase
from parity.trace.shapes import dimensions

_ENDS: Final = ("exit_status", "exception", "updates")
# A rank that fails early enough leaves no trace of itself.
_RANKS: Final = "world_size"
_SHAPES: Final = ("batch_shape", "eval_batch_shape")
_SUCCESS: Final = "0"
_TRACEBACK: Final = "Traceback (most recent call last):"
_ERROR: Final = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit)\b")
_REJECTED: Final = re.compile(
    r"\b(?:unknown|unrecogni[sz]ed|unexpected|invalid|no such)\b(?!.*keyword argument).{0,40}"
    r"\b(?:option|key|argument|parameter|flag|choice|setting)s?\b"
    r"|error: argument .*(?:invalid|expected|required)",
    re.IGNORECASE,
)
_CONNECTION: Final = re.compile(r"connection|gloo|nccl|remote worker|process ?group", re.IGNORECASE)


@rule(
    "options-rejected",
    needs=("exit_status",),
    predicts="that everything is missing",
    advice="Compare the names of options and configuration keys, and the namespace in which overrides are applied.",
)
def options_rejected(case: Case) -> Cause | None:
    """The candidate ends before its first update, complaining about an option that the reference accepts."""
    status = failed(case)
    complaint = next((text for text in last_words(case) if _REJECTED.search(text)), None)
    if status is None or completed(case)[1] or complaint is None:
        return None
    return Cause(
        id="options-rejected",
        title="The candidate rejects an option that the reference accepts",
        explains=explained(case, *cut(0), expects(_RANKS)),
        evidence=(evidence.both("exit status", *status), complaint),
        consequence="The candidate does not train at all with this command line.",
    )


@rule(
    "candidate-failed",
    needs=("exit_status",),
    predicts="that everything behind that point is missing",
    advice="Read the candidate's traceback; nothing behind this point can be judged before it runs through.",
)
def candidate_failed(case: Case) -> Cause | None:
    """The candidate ends with an error where the reference succeeds."""
    status = failed(case)
    if status is None:
        return None
    ours, theirs = completed(case)
    when = "before its first update" if not theirs else f"after {evidence.plural(theirs, 'update')}"
    words = last_words(case)
    return Cause(
        id="candidate-failed",
        title=f"The candidate fails {when}",
        explains=explained(case, *cut(theirs), expects(_RANKS)),
        evidence=(
            evidence.both("exit status", *status),
            *words[:1],
            evidence.both("completed updates", ours, theirs),
        ),
        consequence="Whatever comes after that is missing, and was not compared.",
    )


@rule(
    "failure-hidden",
    needs=("exit_status", "log_line"),
    predicts="that everything behind that point is missing",
    advice="Let the exception out, or return a status other than 0 for it: who catches everything at the top hides "
    "failures from whatever started the program.",
)
def failure_hidden(case: Case) -> Cause | None:
    """The candidate alone prints the traceback of an error, does not go on from there, and ends with status 0."""
    said = [
        one.name
        for one in case.judgement.comparison.measurements
        if one.channel.name == "log_line" and one.difference is Difference.EXTRA
    ]
    if _TRACEBACK not in said or case.findings("exit_status", "exception"):
        return None
    ours, theirs = completed(case)
    errors = [line for line in said[said.index(_TRACEBACK) :] if _ERROR.match(line)]
    return Cause(
        id="failure-hidden",
        title=f"The candidate fails after {evidence.plural(theirs, 'update')}, and says that it succeeded",
        explains=explained(case, *cut(theirs), expects(_RANKS)),
        evidence=(
            "the candidate prints a traceback, and its exit status is 0",
            *errors[-1:],
            evidence.both("completed updates", ours, theirs),
        ),
        consequence="Whatever comes after that is missing, and nobody who looks at the exit status will know.",
    )


@rule(
    "no-model-trained",
    needs=("parameter_initial", "updates"),
    predicts="that everything is missing",
    advice="Look for an error that is caught while the model is built, and for what takes the model's place.",
)
def no_model_trained(case: Case) -> Cause | None:
    """The candidate ends well without ever calling a model, where the reference trains one."""
    ours, theirs = completed(case)
    if case.sides is None or not ours or theirs or case.findings("exit_status", "exception"):
        return None
    before, after = (len(list(side.channel("parameter_initial"))) for side in case.sides)
    if not before or after:
        return None
    printed = sum(len(series) for series in case.sides[1].channel("log_value"))
    return Cause(
        id="no-model-trained",
        title="The candidate trains no model",
        explains=explained(case, *cut(0), expects(_RANKS)),
        evidence=(
            evidence.both("parameters seen in a forward", before, after),
            evidence.both("updates", ours, theirs),
            f"numbers that the candidate prints all the same: {printed}",
        ),
        consequence="What it prints and draws is made up, or left from another run.",
    )


@rule(
    "evaluation-only-ignored",
    needs=("updates", "eval_forwards"),
    predicts="that everything behind the evaluation is extra",
    advice="Look for the option that ends a run after its evaluation, and for where the loop asks for it.",
)
def evaluation_only_ignored(case: Case) -> Cause | None:
    """The reference evaluates and makes no update; the candidate evaluates the same and goes on to train."""
    ours, theirs = completed(case)
    if ours or not theirs or failed(case) is not None or case.sides is None or not case.pairs("eval_forwards"):
        return None
    return Cause(
        id="evaluation-only-ignored",
        title=f"The candidate makes {evidence.plural(theirs, 'update')} where the reference only evaluates",
        explains=explained(case, *cut(0, shorter_is_candidate=False)),
        evidence=(
            evidence.both("updates", ours, theirs),
            f"evaluation forwards of the reference: {sum(len(series) for series, _ in case.pairs('eval_forwards'))}",
        ),
        consequence="Who wants to measure a checkpoint trains it further, and overwrites what it was.",
    )


@rule(
    "updates-missing",
    needs=("updates",),
    predicts="that everything behind the end of the shorter run stands alone",
    advice="Compare the loop's bound (< or <=) and where the counter is incremented and tested.",
)
def updates_missing(case: Case) -> Cause | None:
    """The candidate ends well, after another number of updates."""
    ours, theirs = completed(case)
    if ours == theirs or failed(case) is not None or not case.findings("updates"):
        return None
    fewer = theirs < ours
    distance = abs(ours - theirs)
    amount = f"{evidence.plural(distance, 'update')} {'fewer' if fewer else 'more'}"
    fate = "is missing" if fewer else "happens to other weights"
    return Cause(
        id="updates-missing",
        title=f"The candidate makes {amount} than the reference",
        explains=explained(case, *cut(min(ours, theirs), shorter_is_candidate=fewer)),
        evidence=(
            evidence.both("updates", ours, theirs),
            *(("the difference is one: a loop bound that is exclusive on one side",) if distance == 1 else ()),
        ),
        consequence=f"Training ends {'early' if fewer else 'late'}. What the reference does at its end, such as the "
        f"last evaluation and checkpoint, {fate}.",
    )


@rule(
    "seed-or-initialisation",
    needs=("rng",),
    predicts="initial weights, generators and batches, and every number from there on",
    advice="Compare where the seed is set and what draws random numbers before the first forward.",
)
def seed_or_initialisation(case: Case) -> Cause | None:
    """Most weight matrices begin with other values, or the generators stand elsewhere when training begins."""
    if case.findings("parameter_kind"):
        return None
    initial = first(case, "parameter_initial", differences=VALUE)
    # What a model begins with that is called later, such as an average, follows from the training.
    initial = initial if initial is not None and initial.update < 0 else None
    moved = [one for one in measurements(case, "rng", differences=VALUE) if one.moment == at(0, Phase.DATA)]
    if initial is not None:
        return _initialisation(case, initial, moved)
    if not moved or case.findings("eval_forwards", "eval_mode", *_SHAPES):
        return None
    return _position(case, moved)


@rule(
    "parameter-initialisation",
    needs=("parameter_initial", "rng"),
    predicts="these initial weights, and every number from there on",
    advice="Compare how these parameters are initialised: distribution, scale, and what overwrites it later.",
)
def parameter_initialisation(case: Case) -> Cause | None:
    """A few parameters begin with other values, while the generators stand where the reference's do."""
    initial = [one for one in measurements(case, "parameter_initial", differences=VALUE) if one.update < 0]
    moved = [one for one in measurements(case, "rng", differences=VALUE) if one.moment == at(0, Phase.DATA)]
    if not initial or moved or case.findings("parameter_kind") or not case.pairs("rng"):
        return None
    names = list(dict.fromkeys(one.name for one in initial))
    return Cause(
        id="parameter-initialisation",
        title=f"The candidate initialises {evidence.plural(len(names), 'parameter')} differently",
        explains=explained(case, expects("parameter_initial", differences=VALUE), since=START),
        evidence=(
            f"{len(names)} of {len(case.pairs('parameter_initial'))} differ: {evidence.listing(names)}",
            "the generators stand where the reference's do when training begins",
        ),
        consequence="Training starts from other weights.",
    )


def _initialisation(case: Case, initial: Measurement, moved: list[Measurement]) -> Cause | None:
    kinds = {ours.name: dimensions(ours.python(0)) for ours, _ in case.pairs("parameter_kind") if len(ours)}
    # Vectors begin as ones or zeros whatever the seed is, so they say nothing.
    random = {name for name, shape in kinds.items() if shape is None or len(shape) > 1}
    differing = {one.name for one in measurements(case, "parameter_initial", differences=VALUE)} & random
    if 2 * len(differing) <= len(random):
        return None
    drawn = (expects("rng", "batch", "eval_batch", differences=VALUE),) if moved else ()
    return Cause(
        id="seed-or-initialisation",
        title="The candidate begins with other weights: another seed, or another order of random draws"
        if moved
        else "The candidate begins with other weights, though the generators stand where the reference's do",
        explains=explained(case, expects("parameter_initial", differences=VALUE), *drawn, since=START),
        evidence=(
            f"{len(differing)} of {len(random)} weight matrices differ before the first update",
            *evidence.lines(initial, *moved),
        ),
        consequence="Nothing after that can be compared: two runs of different weights differ everywhere.",
        advice="Compare where the seed is set and what draws random numbers before the model is built."
        if moved
        else "Compare how the weights are initialised.",
    )


def _position(case: Case, moved: list[Measurement]) -> Cause:
    evaluated = first(case, "eval_batch", differences=VALUE)
    since = min(moved[0].moment, evaluated.moment if evaluated is not None else moved[0].moment)
    return Cause(
        id="seed-or-initialisation",
        title="Random numbers are drawn differently before training begins",
        explains=explained(case, expects("rng", "batch", "eval_batch", since=since, differences=VALUE), since=since),
        evidence=("the initial weights are equal", *evidence.lines(*moved)),
        consequence="Whatever is drawn afterwards differs: dropout, batches, noise.",
        advice="Compare what draws random numbers between building the model and the first forward, and seeds set "
        "again in between.",
    )


def failed(case: Case) -> tuple[str, str] | None:
    """Both exit statuses, if only the candidate's tells of a failure."""
    one = first(case, "exit_status")
    if one is None or one.candidate in (_SUCCESS, None) or one.reference != _SUCCESS:
        return None
    return str(one.reference), str(one.candidate)


def completed(case: Case) -> tuple[int, int]:
    """Completed updates of both sides."""
    if case.sides is not None:
        return case.sides[0].updates, case.sides[1].updates
    return max((process.updates for process in case.reference.processes), default=0), 0


def last_words(case: Case) -> list[str]:
    """What the candidate said in the end: its exception, its last line on the error stream, lines of its own."""
    found = case.judgement.comparison.measurements
    words = [str(one.candidate) for one in found if one.channel.name == "exception" and one.candidate is not None]
    # When one rank fails, the others complain about the broken connection: last, however low their number is.
    words.sort(key=lambda word: _CONNECTION.search(word) is not None)
    words.append(str(case.candidate.manifest.get("last_error_line") or ""))
    words += [one.name for one in found if one.channel.name == "log_line" and one.difference is Difference.EXTRA]
    return [word for word in dict.fromkeys(words) if word]


def cut(done: int, *, shorter_is_candidate: bool = True) -> tuple[Prediction, ...]:
    """What follows when one side ends after ``done`` updates: all later observations stand alone."""
    since: Place = at(done - 1, Phase.EVAL) if done else START
    lacking = Difference.MISSING if shorter_is_candidate else Difference.EXTRA

    def alone(one: Measurement) -> bool:
        # The last checkpoint, evaluation and lines may be there, but belong to another update.
        late = one.phase in (Phase.EVAL, Phase.CHECKPOINT, Phase.LOG)
        return one.moment >= since and (one.difference is lacking or (late and one.difference is not Difference.VALUE))

    return expects(*_ENDS), expects("table_file", differences={lacking}), alone
