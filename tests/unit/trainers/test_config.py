from pathlib import Path

import pytest

from trainers.char_gpt.config import CharGptConfig
from trainers.common.config import describe, flatten, help_lines, options_of, parse_command_line
from trainers.common.errors import ConfigError

DEFAULTS = {
    "out_dir": "out",
    "eval_interval": 2000,
    "log_interval": 1,
    "eval_iters": 200,
    "eval_only": False,
    "always_save_checkpoint": True,
    "init_from": "scratch",
    "gpt2_dir": None,
    "log_dir": "logs",
    "file_logging": True,
    "vocab_size": None,
    "analysis": "off",
    "ignored_outlayers_sum": 0.01,
    "wandb_log": False,
    "trackio_log": False,
    "wandb_project": "owt",
    "wandb_run_name": "gpt2",
    "dataset": "fineweb10B",
    "data_dir": None,
    "train_shard_filenames": ("train.bin",),
    "num_train_shards": 1,
    "data_seed": 1337,
    "background_batches": False,
    "curriculum_alpha": 1.0,
    "corpus_tokens": 100_000_000,
    "corpus_dist_dir": None,
    "shrunken_vocab_size": None,
    "vocab_remapping_file": None,
    "RARE_TOKEN_ID": None,
    "gradient_accumulation_steps": 40,
    "batch_size": 12,
    "block_size": 1024,
    "n_layer": 12,
    "n_head": 12,
    "n_embd": 768,
    "dropout": 0.0,
    "bias": False,
    "n_hidden": None,
    "use_rotary_embeddings": False,
    "rotary_base": 10000,
    "rotary_max_position_embeddings": 2048,
    "embedding_mode": "standard",
    "attn_lora_rank": 0,
    "embedding_rank": 0,
    "lora_alpha": 1.0,
    "learning_rate": 6e-4,
    "max_iters": 600000,
    "weight_decay": 0.1,
    "beta1": 0.9,
    "beta2": 0.95,
    "grad_clip": 1.0,
    "decay_lr": True,
    "warmup_iters": 2000,
    "lr_decay_iters": 600000,
    "min_lr": 6e-5,
    "scaling_schedule_file": None,
    "scaling_schedule": (),
    "target_architecture_config": None,
    "backend": "nccl",
    "device": "cuda",
    "compile": True,
    "seed": 1337,
}


def parse(*arguments):
    return parse_command_line(CharGptConfig, arguments)[0]


def test_the_keys_and_their_defaults_are_frozen():
    values = flatten(parse())
    assert values.pop("dtype") in ("bfloat16", "float16")  # depends on the machine
    assert values == DEFAULTS


@pytest.mark.parametrize(
    ("argument", "key", "expected"),
    [
        ("--batch_size=4", "batch_size", 4),
        ("--learning_rate=1e-3", "learning_rate", 1e-3),
        ("--bias=True", "bias", True),
        ("--dataset=shakespeare", "dataset", "shakespeare"),
        ("--dataset='quoted'", "dataset", "quoted"),
        ("--out_dir=a=b", "out_dir", "a=b"),
        ("--n_hidden=48", "n_hidden", 48),
        ("--n_hidden=None", "n_hidden", None),
        ("--data_dir=/somewhere/else", "data_dir", "/somewhere/else"),
        ("--train_shard_filenames=['a.bin', 'b.bin']", "train_shard_filenames", ("a.bin", "b.bin")),
    ],
)
def test_overrides(argument, key, expected):
    values = flatten(parse(argument))
    assert values[key] == expected
    assert type(values[key]) is type(expected)


@pytest.mark.parametrize(
    ("argument", "fragments"),
    [
        ("--n_layers=2", ["unknown config key 'n_layers'"]),
        ("--batch_size=4.0", ["batch_size is 4.0", "expected int"]),
        ("--learning_rate=1", ["learning_rate is 1", "expected float"]),
        ("--bias=1", ["bias is 1", "expected bool"]),
        ("--n_layer=True", ["n_layer is True", "expected int"]),
        ("--out_dir=123", ["out_dir is 123", "expected str"]),
        ("--n_hidden=wide", ["n_hidden is 'wide'", "expected int or None"]),
        ("--train_shard_filenames=train.bin", ["train_shard_filenames is 'train.bin'", "expected list"]),
        ("--train_shard_filenames=[1]", ["train_shard_filenames is [1]"]),
        ("--batch_size", ["'--batch_size'", "expected --key=value"]),
        ("-batch_size=4", ["'-batch_size=4'", "expected --key=value"]),
        ("missing.py", ["'missing.py' does not exist"]),
        ("--init_from=gpt3", ["init_from is 'gpt3'", "scratch, resume, gpt2-tiny"]),
        ("--dtype=int8", ["dtype is 'int8'", "bfloat16"]),
        ("--n_embd=100", ["n_embd is 100", "multiple of n_head"]),
        ("--dropout=1.5", ["dropout is 1.5"]),
        ("--eval_interval=0", ["eval_interval is 0", "at least 1"]),
        ("--gradient_accumulation_steps=0", ["gradient_accumulation_steps is 0", "at least 1"]),
        ("--train_shard_filenames=[]", ["train_shard_filenames is empty"]),
        ("--num_train_shards=7", ["num_train_shards is 7", "103"]),
        ("--corpus_tokens=0", ["corpus_tokens is 0", "at least 1"]),
        ("--embedding_mode=low", ["embedding_mode is 'low'", "standard, lora"]),
        ("--embedding_mode=lora", ["embedding_rank is 0", "at least 1"]),
        ("--attn_lora_rank=-1", ["attn_lora_rank is -1", "at least 0"]),
    ],
)
def test_each_problem_names_the_value_and_the_expectation(argument, fragments):
    with pytest.raises(ConfigError) as raised:
        parse(argument)
    assert len(raised.value.problems) == 1
    for fragment in fragments:
        assert fragment in str(raised.value)


def test_all_problems_are_reported_at_once():
    with pytest.raises(ConfigError) as raised:
        parse("--what=1", "--n_layer=1.0", "--dtype=int8", "nowhere.py")
    assert len(raised.value.problems) == 4
    assert "\n" not in str(raised.value)


def test_rotary_needs_an_even_head_and_a_long_enough_table():
    with pytest.raises(ConfigError) as raised:
        parse("--use_rotary_embeddings=True", "--n_embd=36", "--n_head=12", "--block_size=4096")
    assert [problem.split(" is ")[0] for problem in raised.value.problems] == ["n_embd / n_head", "block_size"]


def test_a_smaller_vocabulary_needs_a_remapping_and_a_rare_token():
    with pytest.raises(ConfigError) as raised:
        parse("--shrunken_vocab_size=40")
    assert [problem.split()[0] for problem in raised.value.problems] == ["vocab_remapping_file", "RARE_TOKEN_ID"]
    assert not list(parse("--vocab_remapping_file=r.pt", "--RARE_TOKEN_ID=3", "--shrunken_vocab_size=4").problems())


def test_a_gpt2_has_no_rotary_embeddings():
    with pytest.raises(ConfigError, match="use_rotary_embeddings is True, but gpt2-medium"):
        parse("--init_from=gpt2-medium", "--use_rotary_embeddings=True")


def test_shapes_on_the_command_line_do_not_matter_to_a_resume():
    assert parse("--init_from=resume", "--n_embd=100").model.n_embd == 100


def test_files_and_values_are_read_from_left_to_right(tmp_path: Path):
    file = tmp_path / "tiny.py"
    file.write_text("import math\n_half = block_size // 2\nbatch_size = _half\nmax_iters = int(math.sqrt(100))\n")
    values = flatten(parse("--block_size=64", str(file), "--max_iters=3"))
    assert (values["block_size"], values["batch_size"], values["max_iters"]) == (64, 32, 3)
    assert flatten(parse("--max_iters=3", str(file)))["max_iters"] == 10


def test_a_file_is_held_to_the_same_rules(tmp_path: Path):
    file = tmp_path / "wrong.py"
    file.write_text("batch_sice = 4\nn_layer = 2.0\n")
    with pytest.raises(ConfigError) as raised:
        parse(str(file))
    assert [problem.split()[0] for problem in raised.value.problems] == ["unknown", "n_layer"]


def test_a_failing_file_keeps_its_own_error(tmp_path: Path):
    file = tmp_path / "broken.py"
    file.write_text("batch_size = 1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        parse(str(file))


def test_fineweb_has_its_own_shards_unless_others_are_named():
    assert len(parse().resolved(is_marked=False).data.train_shard_filenames) == 103
    assert parse().resolved(is_marked=False).shards[102] == "fineweb_train_000103.bin"
    named = parse("--train_shard_filenames=['x.bin', 'y.bin']").resolved(is_marked=False)
    assert (named.shards, named.data.num_train_shards) == (("x.bin", "y.bin"), 2)


@pytest.mark.parametrize(("is_marked", "expected"), [(False, "scratch"), (True, "resume")])
def test_a_marked_directory_turns_scratch_into_resume(is_marked, expected):
    assert parse().resolved(is_marked=is_marked).output.init_from == expected


def test_a_checkpoint_remembers_all_but_the_lists():
    assert set(parse().remembered()) == set(flatten(parse())) - {"train_shard_filenames", "scaling_schedule"}


def test_the_echo_marks_what_is_not_a_default():
    lines = list(describe(parse("--batch_size=4")))
    assert "config batch_size = 4 (default 12)" in lines
    assert "config block_size = 1024" in lines


def test_the_help_names_every_key_with_its_default():
    text = "\n".join(help_lines(CharGptConfig))
    for key, entry in options_of(CharGptConfig).items():
        assert f"--{key}={entry.default!r}\n" in text
        assert entry.help_text in text
