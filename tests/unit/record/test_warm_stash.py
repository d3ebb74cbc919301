"""Modules that were loaded in advance come back, one import at a time, as if the import had loaded them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WARM = ROOT / "parity" / "record" / "warm"
PRELUDE = """
import sys, os
sys.path.insert(0, "PLACE")
def load(name):
    module = type(sys)(name)
    exec(compile(open("WARM/" + name + ".py").read(), name, "exec"), vars(module))
    return module
if STASHED:
    with load("loading").Loading() as loading:
        import everything
    stash = load("stash").Stash(loading)
    stash.hide()
    sys.meta_path.remove(stash)
    sys.meta_path.insert(0, stash)
seen = []
def look(what):
    import warnings
    filters = [[str(getattr(part, "pattern", part)) for part in entry] for entry in warnings.filters]
    added = [[name, value] for name, value in os.environ.items() if name.startswith("LEFT_")]
    seen.append([what, sorted(name for name in sys.modules if name != "everything"), filters, added])
look("start")
"""
EPILOGUE = """
look("end")
import atexit, json
atexit._run_exitfuncs()
print(json.dumps([seen, PRINTED]))
"""
FILES = {
    "everything.py": (
        "import package.deep.leaf, leaves, alone, package.other, json, logging.handlers, lazy\nlazy.more()\n"
    ),
    "alone.py": "value = 1\n",
    "package/__init__.py": "from .shadowed import shadowed\nimport alone\n",
    "package/shadowed.py": "def shadowed(): return 'function'\n",
    "package/other.py": "from . import shadowed\nfrom .deep import leaf as found\n",
    "package/deep/__init__.py": "",
    "package/deep/leaf.py": "import leaves\n",
    "lazy.py": "def more():\n    import package.late\n",
    "package/late.py": "",
    "replaces.py": "import sys, types\nsys.modules[__name__] = types.SimpleNamespace(own=1)\n",
    "leaves.py": (
        "import atexit, builtins, os, warnings, replaces, sys\n"
        "warnings.filterwarnings('ignore', message='left behind')\n"
        "with warnings.catch_warnings():\n    warnings.simplefilter('error')\n    import alone\n"
        "os.environ['LEFT_BEHIND'] = 'yes'\n"
        "sys.modules['placed'] = sys\n"
        "atexit.register(lambda: getattr(builtins, 'printed', []).append('leaves'))\n"
    ),
}


def outcome(program: str, place: Path, *, stashed: bool) -> list[object]:
    prelude = PRELUDE.replace("PLACE", str(place)).replace("WARM", str(WARM)).replace("STASHED", str(stashed))
    printed = "import builtins\nbuiltins.printed = PRINTED = []\n"
    code = prelude + printed + program + EPILOGUE
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("modules")
    for name, text in FILES.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    return directory


@pytest.mark.parametrize(
    "program",
    [
        "pass\n",
        "import alone\n",
        "import package\nassert package.shadowed() == 'function'\n",
        "import package.deep.leaf\nassert package.shadowed() == 'function'\nassert package.deep.leaf.leaves\n",
        "import package\nlook(1)\nimport package.other\nassert package.other.shadowed() == 'function'\n",
        "import lazy\nlook(1)\nlazy.more()\n",
        "import lazy\nimport package.late\n",
        "import replaces\nassert replaces.own == 1\n",
        "import atexit\natexit.register(PRINTED.append, 1)\nimport leaves\natexit.register(PRINTED.append, 2)\n",
        "import leaves, placed, sys\nassert placed is sys\n",
        "import warnings\nwarnings.simplefilter('error')\nimport leaves\n",
        "import json\n",
        "import logging\nlook(1)\nimport logging.handlers\n",
        "import alone\ndel sys.modules['alone']\nimport alone\nassert alone.value == 1\n",
        "import importlib.util as u\nassert u.find_spec('package').submodule_search_locations\nlook(1)\n",
        "import package as p\nassert p.__spec__.origin == p.__file__\nassert p.__loader__ is p.__spec__.loader\n",
        "import package\nassert not hasattr(package, 'late')\nimport package.late\npackage.late\n",
        "from package.deep import leaf\nimport pickle\n",
        "import importlib\nimportlib.import_module('package.other')\n",
        "try:\n    import package.nothing\nexcept ModuleNotFoundError as error:\n    assert 'nothing' in error.name\n",
    ],
)
def test_what_an_import_brings_is_what_it_would_have_loaded(program: str, place: Path) -> None:
    assert outcome(program, place, stashed=True) == outcome(program, place, stashed=False)


def test_other_finders_hear_of_everything_that_comes_back(place: Path) -> None:
    program = """
class Listens:
    def find_spec(self, name, path=None, target=None):
        PRINTED.append(name)
sys.meta_path.insert(0, Listens())
import package.other
"""
    stashed, loaded = (set(outcome(program, place, stashed=stashed)[1]) for stashed in (True, False))
    assert stashed == loaded
    assert {"package", "package.other", "package.deep.leaf", "leaves", "alone"} <= stashed
