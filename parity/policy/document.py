"""The documentation of the policy and of the ledger, written from their models: for people, and as JSON Schema."""

import ast
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from parity import policy
from parity.policy import LedgerPolicy, Policy

_ROOM: Final = Path(__file__).parent
_DECLARED: Final = ("pairs", "judging", "waivers", "whole")
"""The modules that declare tables, from the parts to the whole."""
_SCHEMA: Final = "https://json-schema.org/draft/2020-12/schema"
_INTRODUCTION: Final = """\
# The policy

<!-- Generated from parity/policy/ by: python docs/generate.py -->

`[tool.parity]` of the nearest pyproject.toml, or of the file after `--config`. An unknown key is an error, and all
errors are listed at once. `parity doctor` prints the effective policy, and where each value came from.

Editors complete and check it by [policy.schema.json](policy.schema.json): with Even Better TOML or Taplo, the line
`#:schema PATH/policy.schema.json` at the top of the file is enough.

A precision or a compiler is a matter of the programs: `arguments = "--dtype=bfloat16"` or `arguments = "--compile"`,
and `environment` for what is set there, such as `TORCH_COMPILE_DISABLE = "1"`. What they need of this project, a noise
floor that is measured in that precision and one process for each side, they get without being asked for. Each side may
have an environment of its own: `reference` and `candidate` begin with the path of its interpreter
([how-to-upgrade-torch.md](how-to-upgrade-torch.md)).
"""
_KEPT: Final = """\
# Baselines and approved reports

Where a reference can soon no longer run, `parity run PAIR --save-baseline OWNER YYYY-MM-DD` stores its traces under
`reports/baselines/PAIR/MACHINE/`, with its command, the revision of the sources, the packages and threads that decide
about bits, the day, the owner, and the day until which they are trusted. With `baseline = true` the pair's reference is
taken from there, and the report says so. On another kind of processor, with another torch or number of threads, or
after its last day, a baseline is an error of its own (`parity help baseline`). Nothing of the reference is run again:
noise is not measured, and close-ups and follow mode are left out.

`parity approve PAIR` keeps today's report under `reports/approved/PAIR/`; `parity run --approved` prints how the next
one differs. Neither is done in CI.
"""
_LEDGER: Final = """\
# The ledger

`reports/waivers.toml` holds what is accepted. `parity accept FINGERPRINT --reason ... --owner ... --expires YYYY-MM-DD`
writes it, which is refused in CI, and comments survive. Editors check it by
[waivers.schema.json](waivers.schema.json).

A waiver stores the signature of a defect, so that it hides no other one in the same channel: values may be off by one
part in 1000 and sizes by one in 20, as another processor rounds, and everything else must be equal. What is accepted is
reported with its reason, owner and end, and does not count. A waiver that has `expired`, that nothing needs any more
(`unused`), or whose finding, pair or scenario is another one now (`stale`), is a finding of its own and fails the
comparison, unless a rule of the gate says otherwise.

A waiver written by hand may leave keys out and use patterns; the more is left out, the more it accepts. To accept
again, with another end, run `parity accept` again: the entry is replaced.

A difference early in the training changes all that follows. Accept it in a scenario with `follow = true`: there every
phase is judged from equal values, so that only the change itself and what states it are accepted, and whatever else
differs still counts.
"""


def document() -> str:
    """The whole document."""
    models = policy_models()
    names = [name for name in models if name not in ("LedgerPolicy", "WaiverPolicy")]
    text = [_INTRODUCTION, *(_section(name, models[name]) for name in names)]
    return "\n".join([*text, _LEDGER, _section("WaiverPolicy", models["WaiverPolicy"]), _KEPT])


def policy_schema() -> str:
    """JSON Schema of a file that holds the policy: an editor checks pyproject.toml as a whole."""
    described = _described(Policy.model_json_schema())
    parts = described.pop("$defs")
    parity: dict[str, Any] = {"properties": {"parity": {"$ref": "#/$defs/Policy"}}, "type": "object"}
    return _written({"$defs": {**parts, "Policy": described}, "properties": {"tool": parity}, "type": "object"})


def ledger_schema() -> str:
    """JSON Schema of the ledger."""
    return _written(_described(LedgerPolicy.model_json_schema()))


def policy_models() -> dict[str, Any]:
    """Every model of the policy, by its name, from the whole to its parts."""
    found = {name: getattr(policy, name) for name in descriptions()}
    return dict(reversed(found.items()))


@cache
def descriptions() -> Mapping[str, Mapping[str, str]]:
    """What each key means, by model: the text below its declaration."""
    trees = [ast.parse((_ROOM / f"{name}.py").read_text(encoding="utf-8")) for name in _DECLARED]
    classes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    return {node.name: meanings for node in classes if (meanings := dict(_meanings(node)))}


def _meanings(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for declared, below in zip(node.body, node.body[1:], strict=False):
        if not isinstance(declared, ast.AnnAssign) or not isinstance(declared.target, ast.Name):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            yield declared.target.id, str(below.value.value)


def _section(name: str, model: Any) -> str:
    introduction = _prose(model)
    rows = "".join(_row(key, field, descriptions()[name][key]) for key, field in model.model_fields.items())
    return f"## {_TITLES[name]}\n\n{introduction}\n\n| key | default | meaning |\n| :--- | :--- | :--- |\n{rows}"


def _prose(model: Any) -> str:
    return " ".join((model.__doc__ or "").split()).replace("``", "`")


def _row(key: str, field: Any, meaning: str) -> str:
    default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
    return f"| `{key}` | {default} | {meaning} |\n"


def _default(value: object) -> str:
    if value in (None, "", (), {}):
        return "none"
    plain = (bool, int, float, str)
    return f"`{json.dumps(value)}`" if isinstance(value, plain) else "see below"


_TITLES: Final = {
    "Policy": "`[tool.parity]`",
    "PairPolicy": "`[[tool.parity.pairs]]`",
    "ScenarioPolicy": "`[[tool.parity.pairs.scenarios]]`",
    "InterruptPolicy": "`interrupt` of a scenario",
    "TolerancePolicy": "`[[tool.parity.tolerances]]`",
    "IgnoredPolicy": "`[[tool.parity.ignored]]`",
    "GatePolicy": "`[tool.parity.gate]`",
    "GateRulePolicy": "`[[tool.parity.gate.rules]]`",
    "WaiverPolicy": "`[[waivers]]`",
}


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    for name, part in (*schema.get("$defs", {}).items(), (schema["title"], schema)):
        for key, content in part.get("properties", {}).items():
            content.pop("title", None)
            content["description"] = descriptions()[name][key]
        part["description"] = _prose(getattr(policy, name))
    return schema


def _written(schema: dict[str, Any]) -> str:
    return json.dumps({"$schema": _SCHEMA, **schema}, indent=2, sort_keys=True) + "\n"
