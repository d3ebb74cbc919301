"""Documents as tokens: a corpus of this machine read through the package of the hub, encoded as GPT-2 does it."""

import json

import numpy as np
import pytest

from trainers.__main__ import main
from trainers.common.data import open_tokens, read_vocabulary_size
from trainers.common.errors import DataError
from trainers.datasets.bpe import END_OF_TEXT, BytePairEncoder
from trainers.datasets.documents_tiny import WORDS, write_documents_tiny
from trainers.datasets.token_files import GPT2_VOCABULARY, write_documents

pytest.importorskip("tokenizers")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    directory = tmp_path_factory.mktemp("source")
    write_documents_tiny(directory, seed=1337, documents=30)
    return directory


@pytest.fixture(scope="module")
def texts(source):
    lines = (source / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def decoded(ids, source):
    """Back to text, by the table alone."""
    vocabulary = {number: token for token, number in json.loads((source / "vocab.json").read_text()).items()}
    return "".join(vocabulary[int(number)] for number in ids).replace("\u0120", " ").split(END_OF_TEXT)


def test_the_stand_in_is_always_the_same(source, tmp_path):
    write_documents_tiny(tmp_path, seed=1337, documents=30)
    for name in ("documents.jsonl", "vocab.json", "merges.txt"):
        assert (tmp_path / name).read_bytes() == (source / name).read_bytes()
    write_documents_tiny(tmp_path, seed=1, documents=30)
    assert (tmp_path / "documents.jsonl").read_bytes() != (source / "documents.jsonl").read_bytes()


def test_words_are_one_token_and_everything_has_tokens(source):
    encoder = BytePairEncoder(source)
    assert [len(ids) for ids in encoder.encode([" " + word for word in WORDS])] == [1] * len(WORDS)
    hostile = "caf\u00e9\n\t\u2603 " + END_OF_TEXT
    (ids,) = encoder.encode([hostile])
    assert len(ids) > len(WORDS) // 2
    assert encoder.end_of_text == encoder.vocabulary_size - 1


def test_documents_become_tokens_in_order_with_an_end_of_text_before_each(source, texts, tmp_path):
    encoder = BytePairEncoder(source)
    counts = write_documents(iter(texts), tmp_path, encoder=encoder, validation_every=5)
    train, validation = (open_tokens(tmp_path / name) for name in ("train.bin", "val.bin"))
    assert decoded(train, source) == ["", *(text for number, text in enumerate(texts) if number % 5)]
    assert decoded(validation, source) == ["", *texts[::5]]
    assert (counts.documents, counts.train_tokens, counts.validation_tokens) == (30, len(train), len(validation))
    assert read_vocabulary_size(tmp_path) == encoder.vocabulary_size
    assert train.dtype == np.dtype("<u2")


def test_the_vocabulary_of_gpt2_is_left_to_the_trainers(source, texts, tmp_path):
    class Whole(BytePairEncoder):
        def __init__(self, directory):
            super().__init__(directory)
            self.vocabulary_size = GPT2_VOCABULARY

    write_documents(texts, tmp_path, encoder=BytePairEncoder(source), validation_every=2)
    write_documents(texts, tmp_path, encoder=Whole(source), validation_every=2)
    assert read_vocabulary_size(tmp_path) is None


@pytest.mark.parametrize("form", ["jsonl", "parquet", "two-parquets"])
def test_the_command_reads_files_through_the_package_of_the_hub(form, source, texts, tmp_path, capsys):
    pytest.importorskip("datasets")
    files = tmp_path / "files"
    files.mkdir()
    if form == "jsonl":
        (files / "a.jsonl").write_bytes((source / "documents.jsonl").read_bytes())
    else:
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parts = [texts] if form == "parquet" else [texts[:11], texts[11:]]
        for number, part in enumerate(parts):
            parquet.write_table(arrow.table({"text": part, "score": [1.0] * len(part)}), files / f"{number}.parquet")
    options = ["--from", str(files), "--tokenizer", str(source), "--out", str(tmp_path / "out")]
    assert main(["data", "fineweb-edu", *options, "--validation-every", "4", "--documents", "20"]) == 0
    assert "wrote 20 documents" in capsys.readouterr().out
    kept = texts[:20]
    assert decoded(open_tokens(tmp_path / "out" / "val.bin"), source) == ["", *kept[::4]]
    trained = decoded(open_tokens(tmp_path / "out" / "train.bin"), source)
    assert trained == ["", *(text for number, text in enumerate(kept) if number % 4)]


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--from", "{source}", "--tokenizer", "{empty}"], "no vocab.json and no merges.txt"),
        (["--from", "{empty}", "--tokenizer", "{source}"], "no documents in"),
        (["--from", "{source}", "--tokenizer", "{source}", "--column", "body"], "under 'body', but ['id', 'text']"),
        (["--from", "{source}", "--tokenizer", "{source}", "--validation-every", "1"], "expected at least 2"),
        (["--from", "{source}", "--tokenizer", "{source}", "--documents", "1"], "1 document(s) are too few"),
        (["--from", "{broken}", "--tokenizer", "{source}"], "cannot read"),
    ],
)
def test_mistakes_end_in_one_line(options, fragment, source, tmp_path, capsys):
    pytest.importorskip("datasets")
    empty, broken = tmp_path / "empty", tmp_path / "broken"
    empty.mkdir()
    broken.mkdir()
    (broken / "a.parquet").write_text("not parquet")
    places = {"{source}": str(source), "{empty}": str(empty), "{broken}": str(broken)}
    words = [places.get(word, word) for word in options]
    assert main(["data", "fineweb-edu", *words, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert fragment in error
    assert "trainers: error: " in error


def test_a_vocabulary_without_an_end_of_text_is_refused(source, tmp_path):
    vocabulary = json.loads((source / "vocab.json").read_text())
    del vocabulary[END_OF_TEXT]
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_bytes((source / "merges.txt").read_bytes())
    with pytest.raises(DataError, match="has no token"):
        BytePairEncoder(tmp_path)
