"""A rank that ends waits for its turn, which others hold until they are gone."""

import subprocess
import sys
import time
from pathlib import Path

WAITS = (
    "import os, sys; from parity.record.worlds.endings import await_turn;"
    "await_turn(sys.argv[1], int(sys.argv[2]), os.getpid());"
    "print(sys.argv[3], file=open(sys.argv[1] + '.log', 'a'), flush=True);"
    "print('goes on', flush=True); sys.stdin.read()"
)


def ending(table: Path, turns: int, name: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WAITS, str(table), str(turns), name]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_the_last_turn_is_free_when_its_holder_is_gone(tmp_path: Path) -> None:
    table = tmp_path / "ranks.table"
    table.touch()
    first = ending(table, 2, "first")
    assert first.stdout.readline() == "goes on\n"
    second = ending(table, 2, "second")
    assert second.stdout.readline() == "goes on\n"
    third = ending(table, 2, "third")
    time.sleep(1.0)  # were it not to wait, it would go on by now
    log = tmp_path / "ranks.table.log"
    log.write_text(log.read_text(encoding="utf-8") + "freed\n", encoding="utf-8")
    first.communicate()
    assert third.stdout.readline() == "goes on\n"
    second.communicate()
    third.communicate()
    assert log.read_text(encoding="utf-8").split() == ["first", "second", "freed", "third"]


def test_nobody_waits_where_nobody_watches(tmp_path: Path) -> None:
    table = tmp_path / "ranks.table"
    process = ending(table, 1, "alone")
    assert process.communicate("")[0] == "goes on\n"
