"""The parts of family stream: sources, reading with an end to patience, skipping, tokenizers, model, text samples."""

import random
import threading
import time

import pytest
import torch

from trainers.common.errors import ConfigError, DataError
from trainers.stream.checkpoint import Checkpoints, Progress
from trainers.stream.examples import Examples
from trainers.stream.model import Learner, StreamModel
from trainers.stream.reading import START, Position, Reader, Reading
from trainers.stream.schedule import warmup_rate
from trainers.stream.sources import JsonLines, Parquet, Unreadable, open_shards
from trainers.stream.text_samples import GENERATED, TARGETS, TextSampler
from trainers.stream.tokenizers import ByteTokenizer, load_tokenizer

TEXTS = ("the first text of all", "", "short", "a text that follows")


class Source:
    """A shard of given examples; an exception among them is raised, a number is a pause in seconds."""

    def __init__(self, name, *examples):
        self.name = name
        self.examples = examples
        self.open = threading.Event()

    def read(self, start):
        for example in self.examples[start:]:
            if isinstance(example, Exception):
                raise example
            if example == "stall":
                self.open.wait(20)
            yield example


def reader(*shards, start=START, epochs=1, timeout=10.0, **more):
    return Reader(shards, start=start, epochs=epochs, timeout=timeout, **more)


def contents(readings):
    return [one.content for one in readings]


def learner(*, dropout=False):
    torch.manual_seed(0)
    model = StreamModel(vocabulary_size=256, embedding_size=8)
    if dropout:
        model.decoder = torch.nn.Sequential(torch.nn.Dropout(0.5), model.decoder)
    return Learner(model, device=torch.device("cpu"))


# -- sources -----------------------------------------------------------------------------------------------------------


def test_json_lines_are_read_from_any_place_and_bad_ones_stand_for_themselves(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_bytes(b'{"text": "one"}\n{"text": \n{"text": null}\n[1]\n{"text": 5}\n\xff\n{"text": "last"}')
    found = list(JsonLines(path).read(0))
    assert [one if isinstance(one, str) else type(one) for one in found] == [
        "one",
        Unreadable,
        "",
        Unreadable,
        Unreadable,
        Unreadable,
        "last",
    ]
    assert list(JsonLines(path).read(6)) == ["last"]


def test_parquet_is_read_from_any_place(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(arrow.table({"text": list(TEXTS), "id": [0, 1, 2, 3]}), tmp_path / "a.parquet")
    assert list(Parquet(tmp_path / "a.parquet").read(1)) == list(TEXTS[1:])
    parquet.write_table(arrow.table({"words": ["x"]}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match="no column 'text', only words"):
        list(Parquet(tmp_path / "b.parquet").read(0))


def test_datasets_streams_what_the_hub_would(tmp_path, monkeypatch):
    """The real library over local files: the hub itself is elsewhere."""
    pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "part.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n{"text": "three"}\n')
    (shard,) = open_shards(f"hub:{tmp_path / 'texts'}", split="train")
    assert list(shard.read(1)) == ["two", "three"]


def test_a_directory_is_read_in_the_order_of_names(tmp_path):
    for name in ("b.jsonl", "a.parquet", "notes.txt"):
        (tmp_path / name).write_text("")
    assert [shard.name for shard in open_shards(str(tmp_path), split="train")] == ["a.parquet", "b.jsonl"]


@pytest.mark.parametrize("name", ["nowhere", "notes.txt", "empty"])
def test_no_texts_is_an_error_that_says_what_to_do(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"no texts in .*data stream-texts"):
        open_shards(str(tmp_path / name), split="train")


# -- reading -----------------------------------------------------------------------------------------------------------


def test_all_shards_in_order_as_often_as_wanted():
    found = list(reader(Source("a", "1", "2"), Source("b", "3"), epochs=2))
    assert contents(found) == ["1", "2", "3"] * 2
    assert found[2].position == Position(0, 1, 1)
    assert found[-1].position == Position(1, 1, 1)


def test_every_position_can_be_gone_on_from():
    shards = Source("a", "1", "2"), Source("b"), Source("c", "3", "4")
    straight = list(reader(*shards, epochs=2))
    for number, one in enumerate(straight):
        assert list(reader(*shards, epochs=2, start=one.position)) == straight[number + 1 :]


def test_a_stalled_shard_is_left_for_the_next_one():
    said = []
    stalled = Source("slow", "1", "stall", "never")
    assert contents(reader(stalled, Source("next", "2"), timeout=0.3, say=said.append)) == ["1", "2"]
    assert said == ["warning: slow gave nothing for 0.3 seconds; going on with the next file"]
    stalled.open.set()


def test_a_stalled_last_shard_ends_the_reading_with_a_clear_message():
    stalled = Source("slow", "1", "stall")
    readings = iter(reader(stalled, timeout=0.3))
    assert next(readings).content == "1"
    with pytest.raises(DataError, match=r"slow gave nothing for 0\.3 seconds.*--resume"):
        next(readings)
    stalled.open.set()


def test_a_failing_shard_is_treated_alike():
    said = []
    assert contents(reader(Source("a", "1", OSError("gone")), Source("b", "2"), say=said.append)) == ["1", "2"]
    assert said == ["warning: a cannot be read behind example 1: gone; going on with the next file"]
    with pytest.raises(DataError, match="b cannot be read behind example 0: gone"):
        list(reader(Source("b", OSError("gone"))))


def test_what_no_other_file_would_mend_is_raised_at_once():
    with pytest.raises(ConfigError, match="install it"):
        list(reader(Source("a", ConfigError(["install it"])), Source("b", "1")))


def test_a_request_to_stop_ends_a_wait():
    stop = threading.Event()
    stalled = Source("slow", "1", "stall")
    readings = iter(reader(stalled, timeout=1000, is_stopped=stop.is_set))
    assert next(readings).content == "1"
    threading.Timer(0.1, stop.set).start()
    assert next(readings, None) is None
    stalled.open.set()


def test_who_stops_reading_leaves_no_thread_behind():
    readings = iter(reader(Source("endless", *["text"] * 1000)))
    next(readings)
    readings.close()
    deadline = time.monotonic() + 20
    while any(one.name == "reading endless" for one in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


# -- skipping ----------------------------------------------------------------------------------------------------------


def examples(*texts, limit=1000, shortest=10, longest=32):
    readings = (Reading(text, Position(0, 0, number + 1)) for number, text in enumerate(texts))
    return Examples(
        readings, tokenizer=ByteTokenizer(), longest=longest, shortest_text=shortest, limit=limit, say=lambda _: None
    )


def test_what_cannot_be_trained_on_is_counted_by_reason():
    found = examples(TEXTS[0], "", "short", " " * 20, Unreadable("broken"), " " * 20 + "x", TEXTS[3], longest=5)
    first, last = found
    assert (first.tokens, last.tokens) == (list(b"the f"), list(b"a tex"))
    assert (first.inputs, first.targets) == (list(b"the "), list(b"he f"))
    assert last.position.offset == 7
    assert found.summary() == "2 of fewer than two tokens, 2 too short, 1 unreadable"
    assert found.ending == "end of the data"


@pytest.mark.parametrize("useless", ["", " " * 20, Unreadable("broken"), "           x"])
def test_an_endless_stream_of_nothing_comes_to_an_end(useless):
    def endless():
        yield Reading(TEXTS[0], START)
        while True:
            yield Reading(useless, START)

    found = Examples(endless(), tokenizer=ByteTokenizer(), longest=32, shortest_text=10, limit=50, say=lambda _: None)
    assert len(list(found)) == 1
    assert sum(found.skipped.values()) == 51
    assert found.ending == "51 examples in a row could not be used, stopping"


def test_skipping_is_counted_anew_behind_every_example():
    texts = ["", "", TEXTS[0], "", "", TEXTS[0]]
    assert len(list(examples(*texts, limit=2))) == 2
    assert len(list(examples(*texts, limit=1))) == 0


# -- tokenizers --------------------------------------------------------------------------------------------------------


def test_bytes_there_and_back():
    tokenizer = load_tokenizer("bytes")
    assert tokenizer.decode(tokenizer.encode("  héllo \n wörld ")) == "héllo wörld"
    assert tokenizer.decode([104, 299, 105]) == "hi"
    assert tokenizer.decode([0xC3]) == "\ufffd"


def test_sentencepiece_there_and_back(tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece")
    from trainers.datasets.stream_texts import WORDS

    draw = random.Random(0)
    corpus = (" ".join(draw.choices(WORDS, k=12)) for _ in range(300))
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=corpus, model_prefix=str(tmp_path / "small"), vocab_size=55, minloglevel=2
    )
    tokenizer = load_tokenizer(str(tmp_path / "small.model"))
    assert (tokenizer.size, tokenizer.end) == (55, 2)
    ids = tokenizer.encode("the old farmer watches the river")
    assert 1 < len(ids) < 32
    assert tokenizer.decode([*ids, 100]) == "the old farmer watches the river"


def test_no_tokenizer_is_an_error_that_says_what_to_do(tmp_path):
    pytest.importorskip("sentencepiece")
    (tmp_path / "odd.model").write_bytes(b"no model")
    for name in ("none.model", "odd.model"):
        with pytest.raises(DataError, match=r"cannot load .*--tokenizer takes"):
            load_tokenizer(str(tmp_path / name))


# -- model and samples -------------------------------------------------------------------------------------------------


def test_the_model_remembers_from_one_text_to_the_next():
    one, other = learner(), learner()
    one.train_step([1, 2, 3], [2, 3, 4])
    assert one.model.memory.abs().sum() > 0
    ids = torch.tensor([5, 6])
    other.model.load_state_dict({**one.model.state_dict(), "memory": torch.zeros(1, 8)})
    assert not torch.equal(one.model(ids), other.model(ids))


def test_it_learns():
    pupil = learner()
    pupil.set_rate(0.01)
    losses = [pupil.train_step([1, 2, 3, 4], [2, 3, 4, 5])[0] for _ in range(150)]
    assert losses[-1] < 0.1 * losses[0]
    assert pupil.train_step([1, 2, 3, 4], [2, 3, 4, 5])[1] == 1.0


@pytest.mark.parametrize("is_training", [True, False])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_samples_change_nothing_that_training_depends_on(temperature, is_training):
    pupil = learner(dropout=True)
    pupil.train_step([1, 2, 3], [2, 3, 4])
    pupil.model.train(is_training)
    pupil.model.cell.eval()
    before = {key: one.clone() for key, one in pupil.model.state_dict().items()}
    modes = [module.training for module in pupil.model.modules()]
    states = torch.get_rng_state(), random.getstate()
    assert len(pupil.generate([1, 2], length=30, temperature=temperature)) == 30
    assert all(torch.equal(one, before[key]) for key, one in pupil.model.state_dict().items())
    assert [module.training for module in pupil.model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]


def test_a_failing_sample_changes_nothing_either():
    pupil = learner()
    pupil.train_step([1, 2, 3], [2, 3, 4])
    memory, state = pupil.model.memory.clone(), torch.get_rng_state()
    with pytest.raises(IndexError):
        pupil.generate([1, 256], length=5, temperature=1.0)
    assert torch.equal(pupil.model.memory, memory)
    assert torch.equal(torch.get_rng_state(), state)
    assert pupil.model.training


def test_generation_ends_where_the_text_does():
    pupil = learner()
    free = pupil.generate([1, 2], length=12)
    assert len(free) == 12
    assert pupil.generate([1, 2], length=12, end=free[3]) == free[: free.index(free[3])]


@pytest.mark.parametrize(
    ("output", "given", "found"), [(TARGETS, "the first text", "he first text "), (GENERATED, "the first ", None)]
)
def test_text_samples(output, given, found):
    sampler = TextSampler(learner=learner(), tokenizer=ByteTokenizer(), output=output, longest=14, temperature=0.0)
    (example,) = examples(TEXTS[0])
    sample = sampler.take(example, step=3, accuracy=0.5)
    assert (sample["step"], sample["accuracy"], sample["input"]) == (3, 0.5, given)
    assert sample["output"] == found if found else sample["output"]


def test_the_rate_rises_from_zero_to_the_peak():
    rates = [warmup_rate(step, peak=0.1, warmup=4) for step in range(6)]
    assert rates == [0.0, 0.025, 0.05, 0.1 * 3 / 4, 0.1, 0.1]
    assert warmup_rate(0, peak=0.1, warmup=0) == 0.1


# -- checkpoints -------------------------------------------------------------------------------------------------------


def test_three_files_bring_everything_back(tmp_path):
    pupil, checkpoints = learner(), Checkpoints(directory=tmp_path, noun="step")
    pupil.train_step([1, 2, 3], [2, 3, 4])
    progress = Progress(count=1, position=Position(0, 1, 5), tokens=3, loss=0.5)
    checkpoints.save(pupil, progress, number=1)
    assert sorted(path.name.removeprefix("checkpoint_step_1.bin") for path in tmp_path.iterdir()) == [
        "",
        ".decoder",
        ".embeddings",
    ]
    other = learner()
    other.train_step([9, 9], [9, 9])
    assert checkpoints.resume(other)[1] == progress
    assert other.train_step([4, 5], [5, 6]) == pupil.train_step([4, 5], [5, 6])
    assert all(
        torch.equal(one, two) for one, two in zip(other.model.parameters(), pupil.model.parameters(), strict=True)
    )


@pytest.mark.parametrize("suffix", ["", ".embeddings", ".decoder"])
def test_a_checkpoint_that_is_not_whole_is_passed_over(tmp_path, suffix, capsys):
    pupil, checkpoints = learner(), Checkpoints(directory=tmp_path, noun="step")
    for number in (9, 10):
        path = checkpoints.save(pupil, Progress(count=number), number=number)
    spoiled = path.with_name(path.name + suffix)
    spoiled.write_bytes(spoiled.read_bytes()[:100])
    assert checkpoints.resume(pupil)[1].count == 9
    assert "passing it over" in capsys.readouterr().out
    spoiled.unlink()
    assert checkpoints.resume(pupil)[1].count == 9


def test_what_cannot_be_resumed_from_is_refused(tmp_path):
    from trainers.common.errors import CheckpointError

    pupil = learner()
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* leave out --resume"):
        Checkpoints(directory=tmp_path, noun="step").resume(pupil)
    Checkpoints(directory=tmp_path, noun="step", resumable=False).save(pupil, Progress(count=1), number=1)
    with pytest.raises(CheckpointError, match="--training-state"):
        Checkpoints(directory=tmp_path, noun="step").resume(pupil)
    larger = Learner(StreamModel(vocabulary_size=300, embedding_size=8), device=torch.device("cpu"))
    with pytest.raises(CheckpointError, match="expected 300, 8 and 1"):
        Checkpoints(directory=tmp_path, noun="step").resume(larger)
