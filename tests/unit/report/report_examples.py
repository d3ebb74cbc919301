"""A realistic pair: a refactored trainer whose warm-up lags, whose evaluation line is wrong and which logs more."""

from parity.align.names import Alignment
from parity.compare.measurement import Coverage
from parity.diagnose.outcome import Outcome
from parity.errors import ReferenceFailedError
from tests.unit.report.report_builders import (
    cause,
    coverage,
    finding,
    found,
    measurement,
    outcome,
    process,
    series,
    setup,
    site,
    skipped,
    trace,
)

PARAMETERS = [f"transformer.h.{layer}.{part}.weight" for layer in range(4) for part in ("ln_1", "c_attn", "c_proj")]
EVALUATION = "step {}: train loss {}, val loss {}"
RATES = [6e-05 * (update + 1) for update in range(20)]
ENVIRONMENT = {"python": "3.11.7", "torch": "2.13.0+cpu", "threads": "1"}


def reference(**manifest):
    first = process(
        series("lr", "0", RATES),
        series("micro_steps", "", [4] * 20),
        *setup("parameter_kind", dict.fromkeys(PARAMETERS, "float32 [64, 64] trainable")),
        *setup("environment", ENVIRONMENT),
        *setup("config_source", {"globals of train.py": "34 keys"}),
        *setup(
            "source_file",
            {
                "train.py": "336 lines, 5 functions, 1 class",
                "configurator.py": "47 lines, 0 functions, 0 classes",
                "model.py": "330 lines, 18 functions, 7 classes",
            },
        ),
        *setup(
            "call_site",
            {
                "step": site(
                    "train.py",
                    319,
                    "<module>",
                    "    # step the optimizer and scaler if training in fp16\n"
                    "    scaler.step(optimizer)\n"
                    "    scaler.update()",
                    first_line=318,
                ),
                "log:" + EVALUATION: site(
                    "train.py",
                    268,
                    "<module>",
                    "    losses = estimate_loss()\n"
                    "    print(f\"step {iter_num}: train loss {losses['train']:.4f}, val loss {losses['val']:.4f}\")",
                ),
                "backward": site("train.py", 312, "<module>", "scaler.scale(loss).backward()"),
            },
        ),
    )
    settings = {"seed": 1337, "updates_limit": 20, "interventions": ["stopped after 20 updates"], **manifest}
    return trace("python train.py config/tiny.py --device=cpu", first, **settings)


def candidate(**manifest):
    first = process(
        series("lr", "0", [0.0, *RATES[:-1]]),
        series("micro_steps", "", [4] * 20),
        *setup("parameter_kind", dict.fromkeys(PARAMETERS, "float32 [64, 64] trainable")),
        *setup("environment", {**ENVIRONMENT, "threads": "2"}),
        *setup("config_source", {"TrainingConfig in trainers/config.py": "dataclass, 41 fields"}),
        *setup(
            "source_file",
            {
                f"trainers/{name}.py": f"{lines} lines, {functions} functions, {classes} class"
                for name, lines, functions, classes in (
                    ("checkpoint", 88, 6, 1),
                    ("config", 120, 4, 1),
                    ("data", 75, 3, 1),
                    ("evaluation", 52, 2, 1),
                    ("logging", 61, 5, 1),
                    ("loop", 140, 7, 1),
                    ("model", 330, 18, 1),
                    ("schedule", 44, 2, 1),
                    ("seeding", 20, 1, 1),
                    ("signals", 31, 2, 1),
                )
            },
        ),
        *setup(
            "call_site",
            {
                "step": site(
                    "trainers/schedule.py",
                    31,
                    "WarmupCosine.step",
                    "        for group in self.optimizer.param_groups:\n"
                    "            group['lr'] = self.rate(self.update - 1)\n"
                    "        self.optimizer.step()",
                    first_line=29,
                ),
                "log:" + EVALUATION: site(
                    "trainers/logging.py",
                    40,
                    "report_evaluation",
                    '    print(f"step {step}: train loss {val_loss:.4f}, val loss {val_loss:.4f}")',
                ),
                "backward": site("trainers/loop.py", 77, "micro_step", "loss.backward()"),
            },
        ),
    )
    settings = {"seed": 1337, "updates_limit": 20, "interventions": ["stopped after 20 updates"], **manifest}
    return trace("python train_refactored.py config/tiny.py --device=cpu", first, **settings)


def covered(**changed):
    equal = coverage(
        parameter_kind=12,
        parameter_initial=12,
        optimizer_group=12,
        optimizer_type=1,
        micro_steps=20,
        tokens=20,
        batch=160,
        rng=240,
        lr=20,
        loss=80,
        gradient=240,
        parameter=240,
        optimizer_state=480,
        eval_forwards=4,
        log_value=66,
        log_line=26,
        environment=3,
        updates=1,
        exit_status=1,
    )
    return {**equal, **{name: Coverage(series=1, values=given[0], equal=given[1]) for name, given in changed.items()}}


def moved(channel, suffix=""):
    """Every parameter's content differs, from the first update on."""
    return finding(
        *(
            measurement(
                channel, f"{71 + at:016x}", f"{93 + at:016x}", name=name + suffix, update=1, differing=19, compared=20
            )
            for at, name in enumerate(PARAMETERS)
        )
    )


OTHERS = (
    found("environment", "1", "2", name="threads", update=-1),
    finding(
        measurement("log_line", None, 1, name="system: {} cores, {} GB", update=-1),
        measurement("log_line", None, 1, name="tokens per iteration will be: {}", update=-1),
    ),
    found("zero_grad", 1, 2, differing=20, compared=20),
)
UNOBSERVED = (
    skipped("loss_scale", "", "no GradScaler was used on either side"),
    *(
        skipped("checkpoint_tensor", f"ckpt.pt::model.{name}", "no checkpoint was written in 20 updates")
        for name in PARAMETERS
    ),
)


def lagging():
    rate = found("lr", RATES[0], 0.0, name="0", differing=20, compared=20)
    loss = found("loss", 4.174387454986572, 4.174390316009521, update=1, differing=76, compared=80)
    label = found("log_value", 4.1677, 4.1651, name=f"{EVALUATION}#1", update=9, differing=2, compared=2)
    mode = found("eval_forwards", 8, 4, update=9, differing=2, compared=2)
    parameters, states = moved("parameter"), moved("optimizer_state", "/exp_avg")
    late = cause(
        "The learning rate lags by one update",
        rate,
        loss,
        parameters,
        states,
        consequence="The first update is made with a learning rate of 0.0 and changes nothing; every later one uses "
        "the rate of the update before",
        evidence=(
            "candidate lr(t) = reference lr(t - 1) at 19 of 19 updates",
            "the parameters after update 0 equal the initial ones",
        ),
        advice="Compare where the schedule is advanced with where the optimizer steps",
    )
    wrong = cause(
        "The validation loss is printed as the training loss",
        label,
        consequence="The printed training loss is never that of the training split",
        evidence=("number 1 equals number 2 of the same line at 2 of 2 evaluations",),
        advice="Check which variable the evaluation line prints first",
    )
    return outcome(
        rate,
        loss,
        parameters,
        states,
        mode,
        label,
        *OTHERS,
        causes=(late, wrong),
        reference=reference(),
        candidate=candidate(),
        covered=covered(
            lr=(20, 0),
            loss=(80, 4),
            parameter=(240, 12),
            optimizer_state=(480, 24),
            eval_forwards=(2, 0),
            log_value=(66, 4),
            log_line=(24, 24),
            environment=(3, 2),
            zero_grad=(20, 0),
        ),
        not_compared=UNOBSERVED,
        alignment=Alignment(
            {"transformer.wte.weight": "embedding.weight"},
            {"ckpt.pt": "last.pt"},
            {"transformer.wte.weight": "equal initial content"},
        ),
    )


def identical(scenario="quick"):
    return outcome(
        *OTHERS[:2],
        scenario=scenario,
        reference=reference(),
        candidate=candidate(),
        covered=covered(environment=(3, 2)),
        not_compared=UNOBSERVED,
    )


def crashed():
    broken = candidate(
        exit_status=1,
        traceback='Traceback (most recent call last):\n  File "trainers/loop.py", line 77, in micro_step\n'
        "    loss.backward()\nRuntimeError: element 0 of tensors does not require grad\n",
    )
    status = found("exit_status", "0", "1", name="", update=0)
    error = found("exception", None, "RuntimeError: element 0 of tensors does not require grad")
    ends = cause(
        "The candidate ends with an exception",
        status,
        error,
        consequence="The candidate never makes an update",
        evidence=("exit status 1 against 0",),
        advice="Read the traceback at the end of this report",
    )
    return outcome(
        error, status, causes=(ends,), scenario="resume", reference=reference(), candidate=broken, covered=covered()
    )


def failed():
    message = "python train.py ended with status 1 before its first update.\nRun it alone and repair it."
    return Outcome(pair="char_gpt", scenario="w2", error=ReferenceFailedError(message))
