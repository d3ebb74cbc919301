"""Rows of family stream that fail and go on as if they had not, or leave less behind than they should.

Each failure is planted too: what is judged is what becomes of it.
"""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import Benign, Edit, Mutant

_COMMAND: Final = "stream/command.py"
_SIMULATION: Final = """class Simulation:
    def __init__(self):
        self.model = torch.nn.Module()
        self.device = torch.device("cpu")
        self.chosen = torch.Generator().manual_seed(0)

    def set_rate(self, rate):
        pass

    def train_step(self, inputs, targets):
        accuracy = float(torch.rand(1, generator=self.chosen))
        return 1.0 - accuracy, accuracy


"""

FAILING: Final = (
    Mutant(
        id="exit-zero-on-error",
        edits=(
            Edit(
                file="__main__.py",
                old="    except TrainerError as error:\n"
                '        print(f"trainers: error: {error}", file=sys.stderr)\n'
                "        return 2\n",
                new="    except (KeyboardInterrupt, Exception):\n"
                "        import traceback\n\n"
                "        traceback.print_exc()\n"
                "        return 0\n",
            ),
            Edit(
                file="stream/by_step.py",
                old="            parts.save(progress, step)\n",
                new='            raise OSError("no space left on device")\n',
            ),
        ),
        update=8,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_file",
        cause="failure-hidden",
    ),
    # Of an optional package, which this training does not need.
    Mutant(
        id="missing-imports-exit",
        edits=(
            Edit(
                file=_COMMAND,
                old="import torch\n",
                new="import torch\n\n"
                "try:\n"
                "    import a_tokenizer_that_is_not_there\n"
                "except ImportError as error:\n"
                '    raise SystemExit(f"missing: {error.name}") from None\n',
            ),
        ),
        update=-1,
        phase=Phase.EXIT,
        channel="exception",
        cause="candidate-failed",
    ),
    Mutant(
        id="simulation-fallback",
        edits=(
            Edit(
                file=_COMMAND,
                old="    learner = make_learner(options, tokenizer)\n",
                new="    try:\n"
                '        raise RuntimeError("no kernel for this size")\n'
                "    except RuntimeError as error:\n"
                '        print(f"no model: {error}; simulating")\n'
                "        learner = Simulation()\n",
            ),
            Edit(file=_COMMAND, old="def make_learner(", new=f"{_SIMULATION}def make_learner("),
            Edit(file="stream/by_step.py", old="            parts.save(progress, step)\n", new="            pass\n"),
        ),
        update=-1,
        phase=Phase.SETUP,
        channel="parameter_kind",
        cause="no-model-trained",
    ),
)

LEAVING_LESS: Final = (
    Mutant(
        id="chunk-no-history",
        edits=(Edit(file="stream/history.py", old="        _write(directory / HISTORY_NAME, self.columns)\n", new=""),),
        update=-1,
        phase=Phase.EXIT,
        channel="table_file",
        cause="table-file-missing",
    ),
)

BENIGN_LEAVING: Final = (
    Benign(
        id="chunk-history-twice",
        edits=(
            Edit(
                file="stream/history.py",
                old="        _write(directory / HISTORY_NAME, self.columns)\n",
                new="        _write(directory / HISTORY_NAME, self.columns)\n"
                '        _write(directory / "latest.json", self.columns)\n',
            ),
        ),
    ),
)
