"""Word of a module's import: whenever, however and by whomever it is imported."""

import importlib
import importlib.util
import sys

import pytest

from parity.record.imports import Imports


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Modules to import, and what the waiting side hears."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    before = set(sys.modules)

    def write(name, text="value = 1\n"):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def waiting():
    failed, heard = [], []
    imports = Imports(lambda probe, error: failed.append((probe, str(error))))
    return imports, heard, failed


def test_a_module_is_told_once_when_it_is_complete(package, waiting):
    imports, heard, _ = waiting
    package("late_one")
    imports.after("late_one", "probe", lambda module: heard.append(module.value))
    assert heard == []
    module = importlib.import_module("late_one")
    importlib.reload(module)
    assert heard == [1]
    assert type(module.__spec__) is importlib.machinery.ModuleSpec


def test_a_module_that_is_there_already_is_told_at_once(package, waiting):
    imports, heard, _ = waiting
    package("early_one")
    importlib.import_module("early_one")
    imports.after("early_one", "probe", lambda module: heard.append(module.value))
    assert heard == [1]


def test_a_module_that_is_half_loaded_is_told_when_it_is_complete(package, waiting, monkeypatch):
    imports, heard, _ = waiting
    package("half_one", "import start_recording\nvalue = 1\n")
    package("start_recording", "import sys\nsys.begin_to_wait()\n")
    begin = lambda: imports.after("half_one", "probe", lambda module: heard.append(module.value))  # noqa: E731
    monkeypatch.setattr(sys, "begin_to_wait", begin, raising=False)
    importlib.import_module("half_one")
    assert heard == [1]


def test_asking_for_a_module_does_not_use_the_word_up(package, waiting):
    imports, heard, _ = waiting
    package("asked_one")
    imports.after("asked_one", "probe", lambda module: heard.append(module.value))
    assert importlib.util.find_spec("asked_one") is not None
    assert heard == []
    importlib.import_module("asked_one")
    assert heard == [1]


def test_an_import_that_fails_is_told_when_it_succeeds_later(package, waiting):
    imports, heard, _ = waiting
    package("failing_one", "raise RuntimeError('not yet')\n")
    imports.after("failing_one", "probe", lambda module: heard.append(module.value))
    with pytest.raises(RuntimeError, match="not yet"):
        importlib.import_module("failing_one")
    assert heard == []
    package("failing_one", "value = 22\n")
    importlib.import_module("failing_one")
    assert heard == [22]


def test_a_module_that_does_not_exist_stays_an_import_error(waiting, package):
    imports, _, failed = waiting
    imports.after("missing_one", "probe", lambda module: None)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("missing_one")
    assert failed == []


def test_a_patch_that_raises_is_reported_and_the_import_goes_on(package, waiting):
    imports, heard, failed = waiting
    package("patched_one")
    imports.after("patched_one", "bad", lambda module: module.no_such_thing)
    imports.after("patched_one", "good", lambda module: heard.append(module.value))
    assert importlib.import_module("patched_one").value == 1
    assert [probe for probe, _ in failed] == ["bad"]
    assert heard == [1]


def test_two_listeners_wait_for_the_same_module(package, waiting):
    imports, heard, _ = waiting
    other = Imports(lambda probe, error: None)
    package("shared_one")
    imports.after("shared_one", "probe", lambda module: heard.append("first"))
    other.after("shared_one", "probe", lambda module: heard.append("second"))
    importlib.import_module("shared_one")
    assert sorted(heard) == ["first", "second"]
