"""What the JSON of a result holds, key by key: the declaration behind docs/results.md and docs/result.schema.json.

``machine`` and its neighbours write it; tests hold what they write against this, so that no key is undeclared.
"""

from dataclasses import dataclass
from typing import Any, Final

from parity.compare.zoom_model import Direction, Manner
from parity.errors import EXIT_CODES
from parity.findings.model import Verdict
from parity.invariants.model import State
from parity.report.machine import SCHEMA
from parity.trace.channel import Phase

Shape = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key of an object: the shape of its value, as JSON Schema has it, and what it means."""

    name: str
    shape: Shape
    meaning: str
    optional: bool = False


def _key(name: str, shape: Shape, meaning: str) -> Key:
    return Key(name=name, shape=shape, meaning=meaning)


def _optional(name: str, shape: Shape, meaning: str) -> Key:
    return Key(name=name, shape=shape, meaning=meaning, optional=True)


def _some(shape: Shape) -> Shape:
    return {"type": "array", "items": shape}


def _or_null(shape: Shape) -> Shape:
    return {"anyOf": [shape, {"type": "null"}]}


def _one(name: str) -> Shape:
    return {"$ref": f"#/$defs/{name}"}


def _of(*words: object) -> Shape:
    return {"enum": list(words)}


_TEXT: Final[Shape] = {"type": "string"}
_FLAG: Final[Shape] = {"type": "boolean"}
_COUNT: Final[Shape] = {"type": "integer", "minimum": 0}
_INDEX: Final[Shape] = {"type": "integer", "minimum": -1}
_NUMBER: Final[Shape] = {"anyOf": [{"type": "number"}, _of("nan", "inf", "-inf")]}
_VALUE: Final[Shape] = {"type": ["string", "number", "null"]}
_CODE: Final[Shape] = _of(*EXIT_CODES)
_SCHEMA: Final[Shape] = {"const": SCHEMA}
_VERDICT: Final[Shape] = _of(*(one.value for one in Verdict))
_PHASE: Final[Shape] = _of(*(phase.name.lower() for phase in Phase))
_TEXTS: Final[Shape] = {"type": "object", "additionalProperties": _TEXT}
_COUNTS: Final[Shape] = {"type": "object", "additionalProperties": _COUNT}

OBJECTS: Final[dict[str, tuple[str, tuple[Key, ...]]]] = {
    "result": (
        "One scenario of a pair, as `parity compare`, `diff`, `run` and `report` print it, and as `result.json`.",
        (
            _key("schema", _SCHEMA, "Number of this schema."),
            _key("pair", _TEXT, "Name of the pair."),
            _key("scenario", _TEXT, "Name of the scenario."),
            _key("verdict", _VERDICT, "The verdict on the scenario. `not-compared` proves nothing."),
            _key("exit_code", _CODE, "The exit code that this scenario alone deserves."),
            _key("error", _or_null(_one("error")), "Why there is no comparison, where there is none."),
            _key("first_divergence", _or_null(_one("divergence")), "The first difference that counts."),
            _key("causes", _some(_one("cause")), "Probable causes, the most significant first."),
            _key("findings", _some(_one("finding")), "All differences, in causal order."),
            _key("invariants", _some(_one("betrayal")), "What either side violates of what must hold in any run."),
            _key("not_compared", _some(_one("omission")), "What nothing is known about, and why."),
            _key("noise", _or_null(_one("noise")), "What the noise floor says, where it was needed."),
            _key("zoom", _or_null(_one("zoom")), "The close-up of the first divergence, where one was taken."),
            _key("gate", _or_null(_one("gate")), "What rules and waivers make of it, where they were asked."),
            _key("environment", _one("environment"), "In what each side ran."),
            _optional("cache", {"type": "object"}, "Which kept run of the reference was used, or why none was kept."),
            _optional("followed", _one("followed"), "The pass in follow mode, where there was one."),
            _optional("resume", _one("resume"), "How each side resumes, in scenarios that ask."),
        ),
    ),
    "overall": (
        "The verdict of `parity gate` over all stored results.",
        (
            _key("schema", _SCHEMA, "Number of this schema."),
            _key("exit_code", _CODE, "The gravest exit code of all."),
            _key("results", _some(_one("gated")), "Every scenario."),
        ),
    ),
    "bisection": (
        "What `parity bisect` found.",
        (
            _key("schema", _SCHEMA, "Number of this schema."),
            _key("exit_code", _CODE, "0 where the bad revision is in parity, else 1."),
            _key("good", _one("commit"), "The revision that was named as good."),
            _key("bad", _one("commit"), "The revision that was named as bad."),
            _key("first", _or_null(_one("commit")), "The first commit that is not in parity, where it is known."),
            _key("suspects", _some(_one("commit")), "The commits of which one is the first, the oldest one first."),
            _key("probes", _some(_one("probe")), "Every commit that was tried, in that order."),
            _key("result", _one("result"), "The result at the commit that was found, or at the last suspect."),
        ),
    ),
    "commit": (
        "A commit.",
        (_key("id", _TEXT, "Its full id."), _key("subject", _TEXT, "The first line of its message.")),
    ),
    "probe": (
        "A commit that was tried.",
        (
            _key("commit", _one("commit"), "Which."),
            _key("found", _of("parity", "violated", "skipped"), "What was found."),
            _key("reason", _TEXT, "Why it was skipped, or empty."),
        ),
    ),
    "gated": (
        "One scenario as the gate decides it today.",
        (
            _key("name", _TEXT, "Pair and scenario, as `PAIR/SCENARIO`."),
            _key("verdict", _VERDICT, "Its verdict under the rules and waivers of today."),
            _key("exit_code", _CODE, "Its exit code under them."),
            _key("charges", _some(_one("charge")), "What counts, and what was lifted; the rest is left out."),
        ),
    ),
    "error": (
        "Why a scenario has no result.",
        (
            _key("slug", _TEXT, "For `parity help SLUG`, see [errors.md](errors.md)."),
            _key("message", _TEXT, "What is wrong, what was expected, the way out."),
        ),
    ),
    "divergence": (
        "Where both sides part.",
        (
            _key("update", _INDEX, "Update, from 0; -1 before the first."),
            _key("phase", _PHASE, "Phase of the update."),
            _key("channel", _TEXT, "What is observed, see [trace-format.md](trace-format.md)."),
            _key("name", _TEXT, "Which of it: a parameter, a parameter group, a metric."),
            _key("rank", _COUNT, "Rank of the process."),
            _key("reference", _VALUE, "The reference's value; null where it has none."),
            _key("candidate", _VALUE, "The candidate's value; null where it has none."),
        ),
    ),
    "cause": (
        "A named explanation of findings, see [causes.md](causes.md).",
        (
            _key("id", _TEXT, "Its name."),
            _key("title", _TEXT, "In a sentence, with the values of this case."),
            _key("explains", _some(_TEXT), "The findings that it explains, by `id`."),
            _key("evidence", _some(_TEXT), "What speaks for it."),
            _key("share", {"type": "number"}, "Share of the findings that it explains, 0 to 1."),
            _key("consequence", _TEXT, "What it does to the training."),
            _key("advice", _TEXT, "What to change."),
            _key("docs", _TEXT, "Where it is described."),
        ),
    ),
    "finding": (
        "One kind of difference in one channel, over all names and ranks that show it.",
        (
            _key("id", _TEXT, "Fingerprint, the same in every rerun."),
            _key("verdict", _VERDICT, "What was found of it."),
            _key("gates", _FLAG, "Whether it makes the comparison fail."),
            _key("channel", _TEXT, "What differs."),
            _key("phase", _PHASE, "Phase of the channel."),
            _key("update", _INDEX, "Update of the first difference."),
            _key("names", _some(_TEXT), "Series that differ, the first first."),
            _key("ranks", _some(_COUNT), "Ranks that show it."),
            _key("differing", _COUNT, "Values that differ."),
            _key("compared", _COUNT, "Values that were compared."),
            _key("first", _one("measurement"), "The first difference."),
            _key("noise", _or_null(_one("weighing")), "How it stands against the noise floor, where measured."),
            _key("tolerance", _TEXT, "The tolerance of the policy that accepts it, or empty."),
            _key("waiver", _TEXT, "The waiver or rule that lets it pass, or empty."),
        ),
    ),
    "measurement": (
        "A difference, with nothing judged.",
        (
            _key("name", _TEXT, "Series, as the reference calls it."),
            _key("candidate_name", _TEXT, "Series, as the candidate calls it."),
            _key("rank", _COUNT, "Rank."),
            _key("update", _INDEX, "Update."),
            _key("ordinal", _COUNT, "Position among the values of that update, such as the micro-step."),
            _key("reference", _VALUE, "The reference's value."),
            _key("candidate", _VALUE, "The candidate's value."),
            _key("absolute", _or_null(_NUMBER), "Absolute difference, of numbers."),
            _key("relative", _or_null(_NUMBER), "Difference relative to the reference, of numbers."),
            _key("ulp", _or_null(_COUNT), "Neighbouring float64 values between them, of numbers."),
        ),
    ),
    "weighing": (
        "A series against the noise floor, where it exceeds that most. Sizes are relative to the reference.",
        (
            _key("distance", _NUMBER, "How far the sides are apart."),
            _key("floor", _NUMBER, "How far perturbations of the reference are apart."),
            _key("ratio", _NUMBER, "One divided by the other."),
            _key("update", _INDEX, "Update of that place."),
            _key("first", _NUMBER, "Distance at the first difference."),
            _key("leaves", _or_null(_INDEX), "First update outside the noise; null where none is."),
            _key("weighed", _COUNT, "Differing values that were put against the floor."),
            _key("unknown", _COUNT, "Differing values of which no distance is known."),
        ),
    ),
    "noise": (
        "The noise floor as a whole.",
        (
            _key("runs", _COUNT, "Perturbed runs of the reference."),
            _key("factor", _NUMBER, "How many times the floor still counts as noise."),
            _key("omitted", _TEXT, "Why it was not measured, or empty."),
            _key("regrouped", _FLAG, "Whether the same samples came in other micro-batches."),
            _key("worst", _or_null({"type": "object"}), "Channel and name of the largest ratio, and its weighing."),
            _key("leaves", _or_null({"type": "object"}), "Channel, name and update that leave the noise first."),
            _key("more_than_rounding", _or_null({"type": "object"}), "Channel, name and update of such a first step."),
            _key(
                "gradient_noise_too_coarse",
                _or_null(_NUMBER),
                "How far gradients move by noise, where too far.",
            ),
        ),
    ),
    "omission": (
        "Something that was not compared. Without channel and name, it is the whole scenario.",
        (
            _key("channel", _TEXT, "What."),
            _key("name", _TEXT, "Which of it."),
            _key("reason", _TEXT, "Why."),
        ),
    ),
    "betrayal": (
        "An invariant that a side violates, see [invariants.md](invariants.md).",
        (
            _key("id", _TEXT, "Name of the invariant."),
            _key("sides", _TEXT, "Which sides violate it."),
            _key("gates", _FLAG, "Whether it makes the comparison fail: where the candidate alone does."),
            _key("reference", _one("check"), "In the reference."),
            _key("candidate", _one("check"), "In the candidate."),
        ),
    ),
    "check": (
        "An invariant in one run.",
        (
            _key("id", _TEXT, "Name of the invariant."),
            _key("title", _TEXT, "What holds, or what is wrong."),
            _key("state", _of(*(state.value for state in State)), "What was found."),
            _key("evidence", _some(_TEXT), "What speaks for it."),
            _key("reasons", _some(_TEXT), "Why it could not be checked."),
            _key("violations", _some({"type": "object"}), "Channel, name, rank, update, observed, expected, and more."),
            _key("consequence", _TEXT, "What a violation does to the training."),
            _key("advice", _TEXT, "What to change."),
        ),
    ),
    "zoom": (
        "The module and the operation at which both sides part, in one micro-step.",
        (
            _key("update", _INDEX, "Update."),
            _key("micro_step", _COUNT, "Micro-step."),
            _key("direction", _of(*(one.value for one in Direction)), "In which part of the micro-step."),
            _key("parameters", _some({"type": "object"}), "Parameters and buffers that differ before the forward."),
            _key("module", _or_null(_one("part")), "The reference's module."),
            _key("counterpart", _or_null(_one("part")), "The candidate's module."),
            _key("operation", _or_null(_one("operation")), "The first operation that differs."),
            _key("gradient", _or_null({"type": "object"}), "The first gradient that differs, on the way back."),
            _key("sequence", _some(_TEXT), "Operations that one side has more often."),
            _key("remarks", _some(_TEXT), "What could not be aligned, and why."),
        ),
    ),
    "part": (
        "A module of one side.",
        (
            _key("path", _TEXT, "Its path; empty for the model itself."),
            _key("kind", _TEXT, "Its class."),
            _key("arguments", _TEXT, "What it says about itself."),
        ),
    ),
    "operation": (
        "An operation, as each side has it.",
        (
            _key("manner", _of(*(one.value for one in Manner)), "What has become of it in the candidate."),
            _key("reference", _or_null({"type": "object"}), "Name, module, other arguments, and tensors by digest."),
            _key("candidate", _or_null({"type": "object"}), "The same, of the candidate."),
            _key("changes", _some({"type": "object"}), "Arguments that differ: name, reference, candidate."),
            _key("following", _some(_TEXT), "The next operations in the reference's module."),
        ),
    ),
    "gate": (
        "What could be held against the candidate, and what was decided about it.",
        (
            _key("unproven", _FLAG, "Whether nothing is known about parity as long as nothing counts against it."),
            _key("charges", _some(_one("charge")), "Everything that rules and waivers were asked about."),
        ),
    ),
    "charge": (
        "A finding, a violated invariant, something not compared, or a waiver gone wrong, to be known again.",
        (
            _key("fingerprint", _TEXT, "For `parity accept`; empty for what cannot be accepted."),
            _key("channel", _TEXT, "Channel; `invariant` or `waiver` for those."),
            _key("verdict", _TEXT, "Verdict of the finding; `violated`, `unused`, `stale`, `expired` of the others."),
            _key("names", _some(_TEXT), "Series."),
            _key("update", _INDEX, "Update of the first difference."),
            _key("reference", _TEXT, "The reference's value there; empty for digests."),
            _key("candidate", _TEXT, "The candidate's value there, or what is wrong with a waiver."),
            _key("differing", _COUNT, "Values that differ."),
            _key("size", _or_null(_NUMBER), "Their distances together, each relative to the reference."),
            _key("counts", _FLAG, "Whether it counts as long as nobody decides otherwise."),
            _key("gates", _FLAG, "Whether it makes the comparison fail."),
            _key("rule", _or_null(_TEXT), "Reason of the rule of the gate that decided, if one did."),
            _key("waiver", _or_null(_one("waiver")), "The waiver that lifts it, if one does."),
        ),
    ),
    "waiver": (
        "Why a charge is accepted.",
        (
            _key("reason", _TEXT, "Why."),
            _key("owner", _TEXT, "By whom."),
            _key("expires", {"type": "string", "format": "date"}, "Until when."),
        ),
    ),
    "environment": (
        "Versions, threads and machine of each side, as texts by name.",
        (
            _key("reference", _TEXTS, "Of the reference; empty without a comparison."),
            _key("candidate", _TEXTS, "Of the candidate."),
        ),
    ),
    "followed": (
        "The pass in follow mode. The findings and causes of the result are its own.",
        (
            _key("refusal", _TEXT, "Why nothing was followed, or empty."),
            _key("writes", _COUNTS, "Values taken over from the reference, by what they are."),
            _key("written", _COUNT, "All of them together."),
            _key("plain_findings", _COUNT, "Findings of the pass before, consequences among them."),
            _key("phases", _some(_one("phase")), "The verdict on every phase."),
            _key("modules", _some({"type": "object"}), "Modules of the first forward that differs by itself."),
            _key("closeups", _some(_one("zoom")), "Close-ups of phases that differ beside the first one."),
        ),
    ),
    "phase": (
        "A phase, judged from equal inputs.",
        (
            _key("phase", _TEXT, "Its name."),
            _key("verdict", _or_null(_VERDICT), "Its verdict; null where nothing of it was seen."),
            _key("judged", _COUNT, "Updates that were judged."),
            _key("different", _COUNT, "Updates that differ."),
            _key("first", _or_null(_INDEX), "The first of them."),
            _key("not_compared", _COUNT, "Updates that could not be judged."),
            _key("reasons", _some(_TEXT), "Why."),
        ),
    ),
    "resume": (
        "Each side's resumed run laid over its straight one.",
        (
            _key("reference", _one("continuation"), "The reference."),
            _key("candidate", _one("continuation"), "The candidate."),
            _key("shared", _some(_TEXT), "Causes that both sides show alike, which do not gate."),
        ),
    ),
    "continuation": (
        "How one side resumes.",
        (
            _key("begins_with_update", _INDEX, "Where it goes on."),
            _key("known_by", _TEXT, "How that is known."),
            _key("exact", _FLAG, "Whether it goes on as if it had never stopped."),
            _key("damaged", _or_null(_TEXT), "The checkpoint that was spoilt between the runs, if one was."),
            _key("exit_status", {"type": ["integer", "null"]}, "Exit status of the resumed run."),
            _key("first_difference", _or_null({"type": "object"}), "Update, phase and channel of it."),
            _key("differing", _some(_TEXT), "Channels that differ."),
            _key("causes", _some({"type": "object"}), "Id, title, evidence and docs of each."),
            _key("saved_differences", _or_null(_COUNT), "Keys in which the last checkpoints differ."),
        ),
    ),
}
"""Every object, with what it is and its keys. The first three are what a command prints."""
