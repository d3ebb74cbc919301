"""Entries of the cache: whole or not there, the last used ones, whoever else is at work."""

import json
import os
import subprocess
import sys

import pytest

from parity.errors import UsageError
from parity.run.cache import Cache, find_cache
from parity.run.dependencies import changed_since, digest_file, variables
from tests.e2e.programs import ROOT

WORKER = """
import sys
from pathlib import Path
from parity.run.cache import Cache
root, me = Path(sys.argv[1]), sys.argv[2]
cache = Cache(root=root / "cache", limit=2500)
source, target = root / f"source-{me}", root / f"target-{me}"
source.mkdir()
for turn in range(60):
    key = f"key-{turn % 3}"
    (source / "a").write_text(key * 100)
    (source / "b").write_text(key * 100)
    assert cache.keep(key, "name", {"command": key}, {"part": source})
    for entry in cache.of(key):
        if cache.use(entry, {"part": target}):
            texts = [(target / name).read_text() for name in "ab"]
            assert texts == [key * 100] * 2, texts
    cache.prune(1500)
"""


def filled(tmp_path, *names, limit=1 << 20, size=100):
    cache = Cache(root=tmp_path / "cache", limit=limit)
    source = tmp_path / "source"
    source.mkdir(exist_ok=True)
    for moment, name in enumerate(names):
        (source / "file").write_bytes(name.encode() * size)
        assert cache.keep(name, "only", {"command": name}, {"part": source})
        os.utime(cache.of(name)[0].place / "entry.json", (moment, moment))
    return cache


def commands(cache):
    return [entry.content["command"] for entry in cache.entries()]


def test_what_was_kept_is_given_back(tmp_path):
    cache = filled(tmp_path, "x", "y")
    (entry,) = cache.of("x")
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "older").touch()
    assert cache.use(entry, {"part": tmp_path / "target"})
    assert {path.name: path.read_text() for path in (tmp_path / "target").iterdir()} == {"file": "x" * 100}
    assert cache.of("z") == []


def test_the_one_used_longest_ago_goes_first(tmp_path):
    cache = filled(tmp_path, "x", "y", "z")
    assert commands(cache) == ["z", "y", "x"]
    cache.use(cache.of("x")[0], {"part": tmp_path / "target"})
    assert [one.content["command"] for one in cache.prune(200)] == ["y"]
    assert commands(cache) == ["x", "z"]
    cache.prune(0)
    assert commands(cache) == []


def test_keeping_more_than_the_limit_drops_the_oldest_and_refuses_what_alone_is_too_large(tmp_path):
    cache = filled(tmp_path, "x", "y", "z", limit=250)
    assert commands(cache) == ["z", "y"]
    (tmp_path / "source" / "file").write_bytes(b"w" * 200)
    assert not cache.keep("w", "only", {"command": "w"}, {"part": tmp_path / "source"})
    assert commands(cache) == ["z", "y"]


def test_an_entry_that_was_dropped_meanwhile_is_not_used(tmp_path):
    cache = filled(tmp_path, "x")
    (entry,) = cache.of("x")
    cache.prune(0)
    assert not cache.use(entry, {"part": tmp_path / "target"})


def test_a_damaged_entry_is_none(tmp_path):
    cache = filled(tmp_path, "x")
    (cache.of("x")[0].place / "entry.json").write_text("{")
    assert cache.entries() == []


def test_processes_that_keep_use_and_drop_at_the_same_time(tmp_path):
    words = [sys.executable, "-c", WORKER, str(tmp_path)]
    workers = [subprocess.Popen([*words, str(number)], cwd=ROOT, stderr=subprocess.PIPE) for number in range(3)]
    assert [worker.communicate()[1] for worker in workers] == [b""] * 3
    assert [worker.returncode for worker in workers] == [0] * 3
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.name.startswith("new-")] == []


@pytest.mark.parametrize(
    ("environment", "root"),
    [
        ({"PARITY_CACHE": "off"}, None),
        ({"PARITY_CACHE": "/kept"}, "/kept"),
        ({"XDG_CACHE_HOME": "/caches"}, "/caches/parity"),
        ({"XDG_CACHE_HOME": "/caches", "PARITY_CACHE": ""}, "/caches/parity"),
    ],
)
def test_where_it_is(environment, root):
    found = find_cache(environment)
    assert (found and str(found.root)) == root


def test_a_file_is_no_place_for_it(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        find_cache({"PARITY_CACHE": str(tmp_path / "file")})


def test_variables_count_but_for_those_that_only_pass_and_nobody_names(tmp_path):
    (tmp_path / "names.py").write_text("import os\nos.environ['GITHUB_SHA']\n")
    environment = {"RATE": "1", "GITHUB_SHA": "a", "GITHUB_RUN_ID": "1", "SHLVL": "2"}
    assert variables(environment, []).keys() == {"RATE"}
    assert variables(environment, [str(tmp_path / "names.py")]).keys() == {"RATE", "GITHUB_SHA"}
    assert variables(environment, []) != variables({**environment, "RATE": "2"}, [])
    json.dumps(variables({"ODD": "\udcff"}, []))


def test_a_file_is_its_content_and_a_change_is_any_write(tmp_path):
    path = tmp_path / "file"
    path.write_text("a")
    before, moment = digest_file(path), path.stat().st_ctime
    os.utime(path, (1, 1))
    assert digest_file(path) == before
    assert changed_since({"files": {str(path): before}}, moment - 1) == [str(path)]
    assert changed_since({"files": {str(path): before}}, moment + 60) == []
    path.write_text("b")
    assert digest_file(path) != before
    assert digest_file(tmp_path / "none") == "missing"


def test_a_word_of_a_command_may_be_too_long_for_a_path(tmp_path):
    from parity.run.dependencies import dependencies

    assert dependencies(tmp_path, ["--schedule=" + "x" * 5000], tmp_path)["files"] == {}
