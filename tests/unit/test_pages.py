"""Every page leads to what exists: files, headings, verbs with their options, errors; the index to every page."""

import re
from pathlib import Path

import click
import pytest
import yaml

from parity.cli import main
from parity.errors import errors

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CALL = re.compile(r"\bparity(?:\.cli)? ([a-z]+)\b([^`|\n;]*)")
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def anchors(page):
    lines = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def calls(text):
    """Each verb and the options that it is given, in ``text``."""
    joined = text.replace("\\\n", " ")
    return [(verb, re.findall(r"(?<!\S)--?[a-z][\w-]*", rest)) for verb, rest in CALL.findall(joined)]


def options_of(verb):
    return {name for option in main.commands[verb].params for name in option.opts + option.secondary_opts} | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        if "://" in target:
            continue
        path = page.parent / name if name else page
        assert path.is_file(), target
        assert not anchor or anchor in anchors(path), target


@pytest.mark.parametrize("path", [*PAGES, ROOT / "action.yml"], ids=[*NAMES, "action.yml"])
def test_commands_exist(path):
    slugs = {kind.slug for kind in errors()}
    for verb, options in calls(path.read_text(encoding="utf-8")):
        if verb not in main.commands:
            continue
        own = options if verb != "record" else []  # what follows -- belongs to the program
        assert set(own) <= options_of(verb), f"parity {verb} {own}"
    for slug in re.findall(r"parity help ([a-z-]+)`", path.read_text(encoding="utf-8")):
        assert slug in slugs


def test_every_verb_is_in_the_readme():
    table = re.findall(r"^\| `parity (\w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    missing = set(main.commands) - set(table)
    assert missing == set()


def test_the_index_leads_to_every_page():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in (ROOT / "docs").iterdir() if path.suffix in (".md", ".json")} - {"README.md"}
    assert files <= set(LINK.findall(index))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_action_is_given_inputs_that_it_has(page):
    for block in re.findall(r"^```yaml[^\n]*\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for given in inputs_in(yaml.safe_load(block)):
            assert set(given) <= set(ACTION["inputs"])


def inputs_in(content):
    """What every step of ``content`` gives to the action."""
    if isinstance(content, list):
        return [given for one in content for given in inputs_in(one)]
    if not isinstance(content, dict):
        return []
    own = [content.get("with", {})] if content.get("uses") == "./.parity" else []
    return own + [given for one in content.values() for given in inputs_in(one)]


def test_the_checks_of_pages_can_fail():
    assert calls("`parity run --nonsense -o x`") == [("run", ["--nonsense", "-o"])]
    assert "--nonsense" not in options_of("run")
    assert inputs_in({"steps": [{"uses": "./.parity", "with": {"a": 1}}]}) == [{"a": 1}]
    assert isinstance(main.commands["run"], click.Command)
