import pytest

from parity.record.launch import Recording


@pytest.mark.parametrize(
    ("recording", "words"),
    [
        (Recording(), []),
        (Recording(updates=3), ["stopped after 3 updates"]),
        (Recording(seed=0), ["seeded torch, numpy and random with 0 before user code"]),
        (Recording(deterministic=True), ["deterministic algorithms switched on"]),
        (Recording(world=2, engine="gloo"), ["started as 2 ranks through torchrun"]),
        (
            Recording(world=3, engine="baton"),
            ["started as 3 ranks, each a process that announces what it waits for, over gloo (engine baton)"],
        ),
        (Recording(engine="nccl"), ["started as 1 rank through torchrun, one GPU each (engine nccl)"]),
        (
            Recording(world=9, engine="fake"),
            ["started as 9 ranks of which only rank 0 exists: bookkeeping, no numbers (engine fake)"],
        ),
        (Recording(environment={"B": "2", "A": "1"}), ["A=1 in the environment", "B=2 in the environment"]),
        (Recording(level="scalars", without=("clipping",)), []),
    ],
)
def test_every_intervention_is_said(recording, words):
    assert recording.interventions() == words


def test_directories_of_the_run_get_placeholders(tmp_path):
    recording = Recording(out=tmp_path / "side" / "out", shared=tmp_path / "x" / ".." / "shared")
    assert recording.neutral_paths() == {
        str(tmp_path.resolve() / "side" / "out"): "{out}",
        str(tmp_path.resolve() / "shared"): "{shared}",
    }
    assert Recording().neutral_paths() == {}
