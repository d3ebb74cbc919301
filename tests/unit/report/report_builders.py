"""Small outcomes made by hand: what a scenario leaves behind once it is run, judged and diagnosed."""

import json
from pathlib import Path

import numpy as np

from parity.align.names import Alignment
from parity.compare.engine import compare
from parity.compare.measurement import Comparison, Coverage, Difference, Measurement, NotCompared, sizes
from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import Cause, Diagnosis, diagnose
from parity.findings.judge import judge
from parity.findings.model import Finding, Judgement, Verdict
from parity.trace.channels import CHANNELS, Kind, Role
from parity.trace.model import Process, Series, Trace

DTYPES = {Kind.FLOAT: np.float64, Kind.INTEGER: np.int64, Kind.DIGEST: np.uint64, Kind.TEXT: object}
VERDICTS = {
    Difference.VALUE: Verdict.DIFFERENT,
    Difference.MISSING: Verdict.MISSING,
    Difference.EXTRA: Verdict.EXTRA,
}


def series(channel, name, values, updates=None):
    declared = CHANNELS[channel]
    at = np.arange(len(values)) if updates is None else np.array(updates)
    return Series(declared, name, at.astype(np.int64), np.array(values, dtype=DTYPES[declared.kind]))


def process(*recorded, rank=0, sealed=True, lost_bytes=0):
    return Process(
        file=f"rank{rank}.trace",
        header={"rank": rank},
        series={one.key: one for one in recorded},
        sealed={} if sealed else None,
        lost_bytes=lost_bytes,
    )


def setup(channel, texts):
    return [series(channel, name, [text], updates=[-1]) for name, text in texts.items()]


def site(file, line, function, excerpt, first_line=0):
    place = {"file": file, "line": line, "function": function, "excerpt": excerpt}
    return json.dumps({**place, "first_line": first_line} if first_line else place)


def trace(command, *processes, **manifest):
    known = {
        "command": command,
        "argv": command.split(),
        "exit_status": 0,
        "level": "digest",
        "world": max(len(processes), 1),
        "interventions": [],
        "seed": None,
        "updates_limit": None,
    }
    chosen = processes or (process(series("lr", "0", [0.1, 0.1])),)
    return Trace(Path("run"), {**known, **manifest}, chosen)


def measurement(channel, reference, candidate, *, name="", candidate_name=None, update=0, ordinal=0, rank=0, **extent):
    declared = CHANNELS[channel]
    missing = Difference.EXTRA if reference is None else Difference.MISSING if candidate is None else Difference.VALUE
    absolute = relative = ulp = None
    if missing is Difference.VALUE:
        absolute, relative, ulp = sizes(declared.kind, reference, candidate)
    return Measurement(
        channel=declared,
        name=name,
        candidate_name=name if candidate_name is None else candidate_name,
        rank=rank,
        difference=missing,
        update=update,
        ordinal=ordinal,
        reference=reference,
        candidate=candidate,
        absolute=absolute,
        relative=relative,
        ulp=ulp,
        **extent,
    )


def finding(*measurements, verdict=None, gates=None):
    first = measurements[0]
    return Finding(
        verdict=VERDICTS[first.difference] if verdict is None else verdict,
        channel=first.channel,
        measurements=measurements,
        gates=first.channel.role is Role.BEHAVIOUR if gates is None else gates,
    )


def found(channel, reference, candidate, **where):
    """A finding of one measurement."""
    return finding(measurement(channel, reference, candidate, **where))


def cause(title, *explained, **texts):
    known = {"consequence": "The training differs", "advice": "Look there", "evidence": ("It fits.",)}
    identity = title.lower().replace(" ", "-")
    return Cause(**{**known, "id": identity, "title": title, "explains": tuple(one.id for one in explained), **texts})


def coverage(**values):
    """Coverage of each channel as values, or as (series, values, equal)."""
    return {
        channel: Coverage(series=1, values=given, equal=given) if isinstance(given, int) else Coverage(**given)
        for channel, given in values.items()
    }


def outcome(
    *findings,
    causes=(),
    scenario="quick",
    pair="char_gpt",
    reference=None,
    candidate=None,
    covered=None,
    not_compared=(),
    alignment=None,
    irreproducible=(),
):
    comparison = Comparison(
        reference=reference or trace("python train.py"),
        candidate=candidate or trace("python train_refactored.py"),
        alignment=alignment or Alignment(),
        measurements=tuple(one for each in findings for one in each.measurements),
        not_compared=tuple(not_compared),
        coverage=coverage(lr=2, loss=2) if covered is None else covered,
    )
    judgement = Judgement(
        comparison=comparison,
        findings=tuple(findings),
        not_compared=tuple(not_compared),
        irreproducible=tuple(irreproducible),
    )
    gating = [one.id for one in judgement.gating]
    explained = {one for each in causes for one in each.explains}
    left = tuple(one for one in gating if one not in explained)
    diagnosis = Diagnosis(causes=tuple(causes), unexplained=left, total=len(gating))
    return Outcome(pair=pair, scenario=scenario, judgement=judgement, diagnosis=diagnosis)


def skipped(channel, name, reason):
    return NotCompared(channel=channel, name=name, reason=reason)


def judged(reference, candidate, *, scenario="quick", pair="char_gpt", rerun=None, noise=None):
    """The outcome of really comparing two traces."""
    judgement = judge(compare(reference, candidate), rerun=rerun, noise=noise)
    return Outcome(pair=pair, scenario=scenario, judgement=judgement, diagnosis=diagnose(judgement, ()))
