"""Every error explains itself: what happened, and a way out that exists."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from parity.cli import main
from parity.errors import EXIT_CODES, errors
from parity.errors_document import explanation, summary

ROOT = Path(__file__).parents[2]
KINDS = {kind.slug: kind for kind in errors()}


def said(*words):
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.output


def options_of(verb):
    return {name for option in main.commands[verb].params for name in option.opts}


def test_slugs_are_unique_and_list_themselves():
    assert len(KINDS) == len(list(errors()))
    assert [line.split()[0] for line in said("help").splitlines()[::2]] == sorted(KINDS)


@pytest.mark.parametrize("slug", sorted(KINDS))
def test_help_says_what_happened_and_how_to_go_on(slug):
    shown = said("help", slug)
    assert shown == f"{slug} (exit code {KINDS[slug].exit_code})\n\n{explanation(KINDS[slug])}\n"
    first, blank, *rest = explanation(KINDS[slug]).splitlines()
    assert first == summary(KINDS[slug])
    assert (first[-1], blank) == (".", "")
    assert "Way out: " in "\n".join(rest)


@pytest.mark.parametrize("slug", sorted(KINDS))
def test_what_an_explanation_leads_to_exists(slug):
    quoted = re.findall(r"`([^`]+)`", explanation(KINDS[slug]))
    for name in (one for one in quoted if one.startswith("docs/")):
        assert (ROOT / name).is_file()
    for words in (one.split() for one in quoted if one.startswith("parity ")):
        if words[1] == "VERB":
            continue
        assert words[1] in main.commands
        assert {one for one in words[2:] if re.match(r"--?[a-z]", one)} <= options_of(words[1])
        if words[1] == "help":
            assert words[2] in KINDS


def test_an_unknown_slug_is_a_usage_error():
    done = CliRunner().invoke(main, ["help", "nonsense"])
    assert done.exit_code == 2
    assert "trace-missing" in done.output


@pytest.mark.parametrize("where", ["README", "help"])
def test_the_exit_codes_are_told_where_they_are_looked_for(where):
    text = (ROOT / "README.md").read_text(encoding="utf-8") if where == "README" else said("--help")
    told = " ".join(text.split())
    for code, meaning in EXIT_CODES.items():
        assert f"{code} {meaning.partition(':')[0]}" in told
