"""A program of several commands."""

import pytest

from trainers.common.errors import ConfigError
from trainers.common.menu import Command, Menu


def menu(ran):
    def command(name, status):
        return Command(summary=f"does {name}", run=lambda arguments: ran.append((name, list(arguments))) or status)

    return Menu(
        program="program",
        about="What it is for.",
        commands={"one-word": command("one", 0), "two": command("two", 7)},
        examples="program two",
    )


def test_help_on_request_and_where_nothing_is_said(capsys):
    ran = []
    assert [menu(ran).run([word]) for word in ("-h", "--help")] == [0, 0]
    asked = capsys.readouterr()
    assert menu(ran).run([]) == 2
    untold = capsys.readouterr()
    assert asked.out == 2 * untold.err == 2 * (menu(ran).usage() + "\n")
    assert asked.err == untold.out == ""
    assert ran == []
    assert menu(ran).usage().splitlines() == [
        "usage: program COMMAND [arguments]",
        "",
        "What it is for.",
        "",
        "commands:",
        "  one-word  does one",
        "  two       does two",
        "",
        "program two",
    ]


def test_a_command_gets_the_rest_and_gives_the_status():
    ran = []
    assert menu(ran).run(["two", "--help", "x"]) == 7
    assert [menu(ran).run([word]) for word in ("one-word", "one_word")] == [0, 0]
    assert ran == [("two", ["--help", "x"]), ("one", []), ("one", [])]


def test_another_command_is_refused():
    with pytest.raises(ConfigError, match="unknown command 'tow', expected one of: one-word, two"):
        menu([]).run(["tow"])
