"""Causes between ranks: one row per cause that must be found, and rows that look like it and must not be."""

from dataclasses import replace

import pytest
from small_world import World

from parity.compare.engine import compare
from parity.diagnose.case import Case
from parity.diagnose.library import RULES, combining, ranks, sharding, synchronisation, waiting
from parity.diagnose.registry import diagnose
from parity.findings.judge import judge
from parity.findings.model import Judgement

TWO = World()
FOUR = World(world=4)
ALONE = World(world=1)
GONE = "FileNotFoundError: [Errno 2] No such file or directory: '{out}/data.pt'"
STUCK = "parity: deadlock: ranks wait for one another for ever; all ranks were ended"

# cause, reference, what the candidate does differently, a piece of the title or evidence
SYMPTOMS = [
    ("micro-steps-apart", TWO, {"more_on_last": 1}, "2 on rank 0, 3 on rank 1"),
    ("micro-steps-apart", FOUR, {"more_on_last": -1}, "2 on rank 0, 1 on rank 3"),
    ("ranks-seeded-alike", TWO, {"own_seeds": False}, "at one place on all 2 ranks of the candidate: torch"),
    ("ranks-begin-apart", FOUR, {"own_weights": True}, "differ from the reference's: weight"),
    ("learning-rates-apart", TWO, {"rate": lambda rank, step: 0.1 / (1 + step) / (1 + rank)}, "0.1 on rank 0, 0.05 on"),
    ("clip-on-fewer-ranks", TWO, {"clipping": (0,)}, "never clips gradients on rank 1"),
    ("clip-on-fewer-ranks", FOUR, {"clipping": (1, 2)}, "never clips gradients on rank 0, 3"),
    (
        "checkpoint-on-more-ranks",
        FOUR,
        {"saving": (0, 1, 2, 3)},
        "last.pt on ranks 0, 1, 2, 3, the reference",
    ),
    ("checkpoint-on-other-ranks", TWO, {"saving": (1,)}, "ranks that write it: 0 in the reference, 1 in the candidate"),
    ("gradients-not-synchronised", TWO, {"exchanges": False, "syncs": 0, "quiet": 2}, "never exchanges gradients"),
    ("gradients-not-synchronised", FOUR, {"exchanges": False}, "but not among all ranks"),
    ("forward-past-the-wrapper", TWO, {"exchanges": False, "syncs": 0}, "1 in the reference, 0 in the candidate"),
    ("synchronised-every-micro-step", TWO, {"syncs": 2, "quiet": 0}, "1 in the reference, 2 in the candidate"),
    ("clip-before-reduction", TWO, {"clips_own": True}, "the parameters are equal on all ranks"),
    ("buffers-not-broadcast", TWO, {"broadcast_buffers": False}, "broadcast_buffers: True in the reference, False"),
    ("sampler-epoch-not-set", TWO, {"tells_epoch": False}, "3 in the reference, 0 in the candidate"),
    ("sampler-seed", TWO, {"sampler_seed": 7}, "seed of the sampler: 0 in the reference, 7 in the candidate"),
    ("shards-overlap", TWO, {"shards": (0, 0)}, "ranks 0 and 1 train on the same data"),
    ("shards-overlap", FOUR, {"shards": (0, 1, 2, 1)}, "ranks 1 and 3 train on the same data"),
    ("samples-per-epoch", TWO, {"samples": 12}, "32 in the reference, 24 in the candidate"),
    ("samples-per-epoch", FOUR, {"samples": 20}, "16 samples more in an epoch"),
    ("evaluation-padded", TWO, {"evaluated": (3, 3)}, "6 is 5 rounded up to a multiple of 2 ranks"),
    ("evaluation-not-reduced", TWO, {"printed": "own"}, "what rank 0 alone has evaluated"),
    ("evaluation-mean-of-means", FOUR, {"printed": "of means"}, "the mean of the ranks' means"),
    ("ranks-deadlock", TWO, {"last_line": STUCK, "said": f"rank 0: barrier at train.py:3\n{STUCK}"}, "rank 0: barrier"),
    ("read-before-written", TWO, {"fails": GONE}, "Rank 1 of the candidate reads a file that rank 0 has not written"),
]

# rule, reference, what the candidate does differently: a difference, but not this one
NEAR_MISSES = [
    (ranks.micro_steps_apart, TWO, {"micro_steps": 3}),
    (ranks.micro_steps_apart, replace(TWO, more_on_last=1), {"more_on_last": 2}),
    (ranks.ranks_seeded_alike, replace(TWO, own_seeds=False), {"own_seeds": True}),
    (ranks.ranks_seeded_alike, TWO, {"micro_steps": 3}),
    (ranks.ranks_seeded_alike, ALONE, {"own_seeds": False, "saving": ()}),
    (ranks.ranks_begin_apart, replace(TWO, own_weights=True), {"own_weights": False}),
    (ranks.ranks_begin_apart, TWO, {"sampler_seed": 3}),
    (ranks.learning_rates_apart, TWO, {"rate": lambda _, step: 0.2 / (1 + step)}),
    (ranks.clip_on_fewer_ranks, TWO, {"clipping": ()}),
    (ranks.clip_on_fewer_ranks, replace(TWO, clipping=(0,)), {"clipping": (0, 1)}),
    (ranks.clip_on_fewer_ranks, ALONE, {"clipping": ()}),
    (ranks.checkpoint_ranks, TWO, {"saving": ()}),
    (ranks.checkpoint_ranks, replace(TWO, saving=(0, 1)), {"saving": (0,)}),
    (synchronisation.gradients_not_synchronised, TWO, {"gradient": 2.0}),
    (synchronisation.gradients_not_synchronised, TWO, {"exchanges": False, "syncs": 0}),
    (synchronisation.gradients_not_synchronised, TWO, {"clips_own": True}),
    (synchronisation.gradients_not_synchronised, replace(TWO, exchanges=False), {"exchanges": True}),
    (synchronisation.forward_past_the_wrapper, TWO, {"exchanges": False, "syncs": 0, "quiet": 2}),
    (synchronisation.forward_past_the_wrapper, TWO, {"exchanges": False}),
    (synchronisation.synchronised_every_micro_step, replace(TWO, syncs=2), {"syncs": 1}),
    (synchronisation.synchronised_every_micro_step, TWO, {"gradient": 2.0}),
    (synchronisation.synchronised_every_micro_step, TWO, {"micro_steps": 3, "syncs": 3}),
    (synchronisation.clip_before_reduction, TWO, {"exchanges": False}),
    (synchronisation.clip_before_reduction, replace(TWO, clips_own=True), {"clips_own": False}),
    (synchronisation.buffers_not_broadcast, replace(TWO, broadcast_buffers=False), {"broadcast_buffers": True}),
    (synchronisation.buffers_not_broadcast, TWO, {"printed": "wrong"}),
    (sharding.sampler_epoch_not_set, replace(TWO, tells_epoch=False), {"tells_epoch": True}),
    (sharding.sampler_epoch_not_set, TWO, {"sampler_seed": 3}),
    (sharding.sampler_epoch_not_set, TWO, {"tells_epoch": False, "stream": "other"}),
    (sharding.sampler_seed, TWO, {"samples": 12}),
    (sharding.sampler_seed, TWO, {"stream": "other"}),
    (sharding.shards_overlap, replace(TWO, shards=(0, 0)), {"shards": (0, 1)}),
    (sharding.shards_overlap, TWO, {"shards": (1, 0)}),
    (sharding.shards_overlap, TWO, {"samples": 12}),
    (sharding.samples_per_epoch, TWO, {"sampler_seed": 3}),
    (sharding.samples_per_epoch, ALONE, {"samples": 12}),
    (sharding.evaluation_padded, TWO, {"evaluated": (4, 4)}),
    (sharding.evaluation_padded, TWO, {"evaluated": (2, 2)}),
    (sharding.evaluation_padded, replace(TWO, evaluated=(3, 3)), {"evaluated": (3, 2)}),
    (sharding.evaluation_padded, ALONE, {"evaluated": (4,)}),
    (combining.evaluation_not_reduced, TWO, {"printed": "of means"}),
    (combining.evaluation_not_reduced, TWO, {"printed": "wrong"}),
    (combining.evaluation_not_reduced, replace(TWO, printed="own"), {"printed": "whole"}),
    (combining.evaluation_mean_of_means, TWO, {"printed": "own"}),
    (combining.evaluation_mean_of_means, replace(TWO, printed="of means"), {"printed": "whole"}),
    (waiting.ranks_deadlock, TWO, {"fails": "ValueError: no"}),
    (waiting.ranks_deadlock, replace(TWO, exit_status=1), {"last_line": STUCK}),
    (waiting.read_before_written, TWO, {"fails": GONE, "failing": 0}),
    (waiting.read_before_written, TWO, {"fails": GONE.replace("data", "other")}),
]


def judged(reference: World, change: dict[str, object]) -> Judgement:
    return judge(compare(reference.trace(), replace(reference, **change).trace()))


def named(rows):
    return [pytest.param(*row, id=f"{getattr(row[0], 'name', row[0])}-{at}") for at, row in enumerate(rows)]


@pytest.mark.parametrize(("identifier", "reference", "change", "piece"), named(SYMPTOMS))
def test_cause_is_named_alone_and_explains_everything(identifier, reference, change, piece):
    diagnosis = diagnose(judged(reference, change), RULES)
    assert [cause.id for cause in diagnosis.causes] == [identifier]
    assert diagnosis.unexplained == ()
    (cause,) = diagnosis.causes
    assert piece in "\n".join((cause.title, *cause.evidence))
    assert cause.consequence
    assert cause.advice


@pytest.mark.parametrize(("rule", "reference", "change"), named(NEAR_MISSES))
def test_near_miss_is_left_alone(rule, reference, change):
    judgement = judged(reference, change)
    assert judgement.gating, "a row without a difference proves nothing"
    assert rule(Case(judgement)) is None


def test_every_rule_about_ranks_has_a_symptom_and_a_near_miss():
    parts = (combining, ranks, sharding, synchronisation, waiting)
    rules = [rule for rule in RULES if rule.recognise.__module__ in {part.__name__ for part in parts}]
    cases = [Case(judged(reference, change)) for _, reference, change, _ in SYMPTOMS]
    assert [rule.name for rule in rules if not any(rule(case) for case in cases)] == []
    assert {rule.name for rule in rules} == {rule.name for rule, _, _ in NEAR_MISSES}


@pytest.mark.parametrize("world", [ALONE, TWO, FOUR], ids=["one", "two", "four"])
def test_identical_runs_have_no_cause(world):
    case = Case(judge(compare(world.trace(), world.trace())))
    assert [rule.name for rule in RULES if rule(case) is not None] == []


def test_a_rate_that_differs_on_another_rank_is_not_said_to_be_scaled():
    judgement = judged(TWO, {"rate": lambda rank, step: 0.1 / (1 + step) / (1 + rank)})
    assert {cause.id for cause in diagnose(judgement, RULES).causes} == {"learning-rates-apart"}
