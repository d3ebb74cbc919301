"""The parts of family occ: codes as tokens, tables, augmentation, metrics, schedule, updates."""

import csv
import io
import random

import pytest
import torch

from trainers.common.errors import ConfigError, DataError
from trainers.common.progress import Progress
from trainers.occ.augmentation import Augmentation, alter
from trainers.occ.dataset import OccDataset
from trainers.occ.formatters import BEGIN, END, PAD, UNKNOWN, make_formatter
from trainers.occ.loaders import LoaderOptions
from trainers.occ.metrics import Mean, flat_accuracy, order_invariant_accuracy
from trainers.occ.schedule import linear_factor, linear_schedule, warmup_updates
from trainers.occ.start import ALONE
from trainers.occ.tables import Columns, number_codes, prepare, read_key, read_rows
from trainers.occ.tokenizers import CodePointTokenizer, HashTokenizer
from trainers.occ.update import Updater

COLUMNS = Columns(text="occ1", language="lang", targets=("a", "b"))


def write(path, *rows, header=("occ1", "a", "b")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.mark.parametrize(
    ("name", "codes", "tokens"),
    [
        ("hisco", ["06105"], [5, 11, 6, 5, 10]),
        ("hisco", ["6105"], [5, 11, 6, 5, 10]),  # a spreadsheet dropped the zero
        ("occ1950", ["93", "1"], [5, 14, 8, 5, 5, 6]),
        ("hisco", ["6x105"], [11, UNKNOWN, 6, 5, 10]),
        ("gpf", ["b", "abd"], [6, END, END, 5, 6, 7]),
        ("gpf", [], []),
    ],
)
def test_codes_as_tokens(name, codes, tokens):
    formatter = make_formatter(name, codes=["abd", "b"], max_codes=3)
    padding = [PAD] * (3 * formatter.block_size - len(tokens))
    assert formatter.target(codes) == [BEGIN, *tokens, *padding, END]
    assert formatter.target_length == len(formatter.target(codes))
    assert formatter.vocabulary_size == (8 if name == "gpf" else 15)


@pytest.mark.parametrize(
    ("codes", "message"), [(["123456"], "'123456' has 6 .* gpf"), (["1"] * 3, "3 codes, expected at most 2")]
)
def test_codes_that_do_not_fit(codes, message):
    with pytest.raises(DataError, match=message):
        make_formatter("hisco", codes=[], max_codes=2).target(codes)


def test_labels_follow_the_first_appearance_column_by_column(tmp_path):
    rows = read_rows(write(tmp_path / "t.csv", ("x", "9", "1"), ("y", "", "9"), ("z", "3", "")), COLUMNS)
    assert number_codes(rows, COLUMNS) == {"9": 0, "3": 1, "1": 2}


def test_a_table_is_split_as_pandas_would_and_only_once(tmp_path):
    table = write(tmp_path / "t.csv", *[(f"text {number}", number, "") for number in range(53)])
    prepare(table, tmp_path, COLUMNS, validation_share=0.1)
    drawn = [int(row["a"]) for row in read_rows(tmp_path / "data_val.csv", COLUMNS)]
    assert drawn == [19, 41, 47, 12, 43]  # DataFrame.sample(5, random_state=42)
    kept = [int(row["a"]) for row in read_rows(tmp_path / "data_train.csv", COLUMNS)]
    assert kept == [number for number in range(53) if number not in drawn]
    assert read_key(tmp_path / "key.csv") == {str(number): number for number in range(53)}
    write(table, ("other", "1", ""))
    prepare(table, tmp_path, COLUMNS, validation_share=0.1)
    assert len(read_rows(tmp_path / "data_train.csv", COLUMNS)) == 48


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        (b"\xff\xfe", "UTF-8"),
        (b"occ1,a,b\n", "no rows"),
        (b"occ1,a\nx,1\n", "no column b, only occ1, a"),
        (b"occ1,a,b\nx,1\n", "another number of cells in row 2"),
        (b"occ1,a,b\nx,1,2,3\n", "another number of cells in row 2"),
    ],
)
def test_unusable_tables(content, message, tmp_path):
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_rows(tmp_path / "t.csv", COLUMNS)


def test_tables_that_cannot_be_trained_on(tmp_path):
    table = write(tmp_path / "t.csv", ("x", "1", ""), ("y", "", ""))
    with pytest.raises(DataError, match="takes 0 for validation"):
        prepare(table, tmp_path, COLUMNS, validation_share=0.1)
    with pytest.raises(DataError, match="no row has a code in a, b"):
        number_codes([{"a": "", "b": ""}], COLUMNS)
    write(tmp_path / "key.csv", ("1", "0"), ("2", "2"), header=("code", "label"))
    with pytest.raises(DataError, match="does not number codes from 0 to 1"):
        read_key(tmp_path / "key.csv")


@pytest.mark.parametrize(("tokenizer", "marks"), [(HashTokenizer(4), 0), (CodePointTokenizer(4), 2)])
@pytest.mark.parametrize("text", ["", "ab", "abcdefgh"])
def test_tokenizers_cut_and_pad(tokenizer, marks, text):
    ids, mask = tokenizer(text)
    used = min(4, len(text) + marks)
    assert (len(ids), mask) == (4, [1] * used + [0] * (4 - used))
    assert all(ids[:used])
    assert not any(ids[used:])


def test_augmentation_draws_only_what_it_needs():
    random.seed(0)
    before = random.getstate()
    assert Augmentation()("farmer", "en", "tills the soil") == ("farmer", "en")
    assert random.getstate() == before
    always = Augmentation(unknown_language_probability=1.0, description_probability=1.0)
    assert always("farmer", "en", "tills the soil") == ("farmer: tills the soil", "unk")
    assert always("farmer", "en", None) == ("farmer", "unk")
    lengths = {len(alter("carpenter", 1)) - len("carpenter") for _ in range(50)}
    assert lengths == {-1, 0, 1}
    assert alter("", 3) == ""


def test_items(tmp_path):
    rows = read_rows(write(tmp_path / "t.csv", ("ab", "7", "9"), ("ab", "7", "8")), COLUMNS)
    formatter = make_formatter("gpf", codes=["7", "9"], max_codes=2)
    dataset = OccDataset(rows, columns=COLUMNS, key={"7": 0, "9": 1}, tokenizer=HashTokenizer(20), formatter=formatter)
    assert dataset[0]["targets_linear"].tolist() == [1.0, 1.0]
    assert dataset[1]["targets_linear"].tolist() == [1.0, 0.0]  # 8 has no label
    assert dataset[0]["targets_seq2seq"].tolist() == [BEGIN, 5, 6, END]
    assert int(dataset[0]["attention_mask"].sum()) == len("unk[SEP]ab")


def test_accuracies():
    wanted = torch.tensor([[5, 6, 7, 8, END], [5, 6, PAD, PAD, END]])
    swapped = torch.tensor([[7, 8, 5, 6, END], [5, 9, 5, 9, PAD]])
    sequences, tokens = order_invariant_accuracy(swapped, wanted, blocks=2, block_size=2)
    assert (float(sequences), float(tokens)) == (50.0, 62.5)
    logits = torch.tensor([[1.0, -1.0], [1.0, 1.0]])
    assert float(flat_accuracy(logits, torch.tensor([[1.0, 0.0], [1.0, 0.0]]))) == 0.5
    mean = Mean()
    mean.add(1.0, 3)
    mean.add(5.0, 1)
    assert mean.value == 2.0


@pytest.mark.parametrize(
    ("warmup", "factors"),
    [(0, [1.0, 0.75, 0.5, 0.25, 0.0]), (2, [0.0, 0.5, 1.0, 0.5, 0.0]), (4, [0, 0.25, 0.5, 0.75, 0])],
)
def test_the_schedule_rises_and_falls(warmup, factors):
    assert [linear_factor(update, warmup=warmup, total=4) for update in range(5)] == factors


def test_warmup_is_rounded_down():
    assert [warmup_updates(total, 0.05) for total in (19, 20, 40)] == [0, 1, 2]


def test_the_schedule_waits_for_an_update_that_was_skipped():
    """On a GPU with a scaled loss; the scaler itself works anywhere."""
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.0)
    scheduler = linear_schedule(optimizer, warmup=0, total=4)
    updater = Updater(model, optimizer=optimizer, scheduler=scheduler, device=torch.device("cpu"))
    updater.scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    before = model.weight.detach().clone()
    updater(lambda: model(torch.tensor([torch.inf])).sum())
    assert updater.learning_rate == 1.0
    assert torch.equal(model.weight, before)
    updater(lambda: model(torch.ones(1)).sum())
    assert updater.learning_rate == 0.75
    assert not torch.equal(model.weight, before)


@pytest.mark.parametrize("options", [{"prefetch_factor": 2}, {"persistent_workers": True}, {"workers": -1}])
def test_loader_options_that_make_no_sense(options):
    plain = {"batch_size": 2, "workers": 0, "pin_memory": False, "prefetch_factor": None, "persistent_workers": False}
    with pytest.raises(ConfigError, match="workers"):
        LoaderOptions(**{**plain, **options})
    loader = LoaderOptions(**{**plain, "workers": 1, "prefetch_factor": 3, "persistent_workers": True}).training(
        [0, 1, 2], ALONE
    )
    assert (loader.num_workers, loader.prefetch_factor, loader.persistent_workers) == (1, 3, True)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_for_terminals():
    seconds = iter([0.0, 60.0])
    terminal, file = Terminal(), io.StringIO()
    progress = Progress(start=10, total=40, stream=terminal, clock=lambda: next(seconds))
    progress.show(20, loss=1.5)
    progress.clear()
    assert terminal.getvalue() == "\r[##########----------] step 20/40, loss 1.5000, 2 min left\033[K\r\033[K"
    Progress(start=0, total=1, stream=file).show(1, loss=1.0)
    assert file.getvalue() == ""
