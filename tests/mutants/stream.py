"""The table of mutants and benign variants of family stream, by pair."""

from typing import Final

from parity.trace.channels import Phase
from tests.mutants.rows import Benign, Edit, Mutant

_BOOK: Final = "stream/book.py"
_CHARTS: Final = "stream/charts.py"
_CHECKPOINT: Final = "stream/checkpoint.py"
_COMMAND: Final = "stream/command.py"
_MODEL: Final = "stream/model.py"
_SAVE: Final = 'figure.savefig(layout.directory / name, dpi=layout.dots_per_inch, bbox_inches="tight")'
_NAMES: Final = 'for name in (f"training_{layout.style.noun.lower()}_{step:06d}.png", LATEST_NAME):'

SAMPLE: Final = (
    Mutant(
        id="sample-output-generated",
        edits=(
            Edit(file="stream/text_samples.py", old="if self.output == TARGETS:", new="if self.output == GENERATED:"),
        ),
        update=0,
        phase=Phase.EVAL,
        channel="eval_forwards",
        cause="evaluation-extra",
    ),
    Mutant(
        id="generate-perturbs-state",
        edits=(
            Edit(file="stream/text_samples.py", old="if self.output == TARGETS:", new="if self.output == GENERATED:"),
            Edit(file=_MODEL, old="        model.memory.copy_(memory)\n", new=""),
        ),
        update=0,
        phase=Phase.EVAL,
        channel="eval_forwards",
        cause="evaluation-extra",
    ),
    Mutant(
        id="cumulative-throughput",
        edits=(
            Edit(
                file="stream/by_step.py",
                old="throughput = len(example.inputs) / seconds if seconds > 0 else 0.0",
                new="throughput = (progress.tokens + len(example.inputs)) / (step + seconds)",
            ),
        ),
        scenario="clock",
        update=2,
        phase=Phase.LOG,
        channel="log_value",
        cause="chart-numbers",
    ),
    Mutant(
        id="latest-missing",
        edits=(Edit(file=_BOOK, old=", LATEST_NAME):", new=",):"),),
        update=10,
        phase=Phase.LOG,
        channel="chart",
        cause="chart-missing",
    ),
    Mutant(
        id="latest-blank",
        edits=(
            Edit(
                file=_BOOK,
                old=f"                {_SAVE}\n",
                new=f"                {_SAVE}\n                figure.clear()\n",
            ),
        ),
        update=10,
        phase=Phase.LOG,
        channel="chart",
        cause="chart-blank",
    ),
    Mutant(
        id="chart-interval-from-one",
        edits=(
            Edit(
                file="stream/by_step.py",
                old="if step > 0 and step % plan.publish_interval == 0:",
                new="if progress.count % plan.publish_interval == 0:",
            ),
        ),
        update=9,
        phase=Phase.LOG,
        channel="chart",
        cause="chart-missing",
    ),
    Mutant(
        id="rate-on-linear-axis",
        edits=(
            Edit(
                file=_CHARTS,
                old='axes.set(title="Learning Rate", xlabel=style.noun, ylabel="Learning Rate", yscale="log")',
                new='axes.set(title="Learning Rate", xlabel=style.noun, ylabel="Learning Rate")',
            ),
        ),
        update=10,
        phase=Phase.LOG,
        channel="chart",
        cause="chart-changed",
    ),
    Mutant(
        id="accuracy-as-fraction",
        edits=(Edit(file=_CHARTS, old="[100 * one for one in", new="[one for one in"),),
        update=19,
        phase=Phase.LOG,
        channel="chart_series",
        cause="chart-numbers",
    ),
    Mutant(
        id="oldest-samples-shown",
        edits=(Edit(file=_CHARTS, old="history.samples[-ROWS_SHOWN:]", new="history.samples[:2]"),),
        update=10,
        phase=Phase.LOG,
        channel="chart_series",
        cause="chart-numbers",
    ),
    Mutant(
        id="average-centred",
        edits=(
            Edit(
                file=_CHARTS,
                old="axes.plot(counts[window - 1 :], average,",
                new="axes.plot(counts[: 1 - window], average,",
            ),
        ),
        scenario="whole-stream",
        update=60,
        phase=Phase.LOG,
        channel="chart_series",
        cause="chart-numbers",
    ),
    Mutant(
        id="no-checkpoint",
        edits=(
            Edit(file="stream/by_step.py", old="            parts.save(progress, step)\n", new="            pass\n"),
        ),
        update=8,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_file",
        cause="checkpoint-not-written",
    ),
    Mutant(
        id="decoder-not-saved",
        edits=(
            Edit(
                file=_CHECKPOINT,
                old='        torch.save({**sizes, **model.decoder.state_dict()}, f"{path}.decoder")\n',
                new="",
            ),
        ),
        update=8,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_file",
        cause="checkpoint-not-written",
    ),
    Mutant(
        id="memory-not-saved",
        edits=(Edit(file=_CHECKPOINT, old=', "memory": model.memory}', new="}"),),
        update=8,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_kind",
        cause="checkpoint-state-missing",
    ),
    Mutant(
        id="vocab-from-tokenizer",
        edits=(
            Edit(
                file=_COMMAND,
                old="StreamModel(vocabulary_size=options.vocab_size,",
                new="StreamModel(vocabulary_size=tokenizer.size,",
            ),
        ),
        update=-1,
        phase=Phase.SETUP,
        channel="parameter_kind",
        cause="parameter-set",
    ),
    Mutant(
        id="memory-forgotten",
        edits=(Edit(file=_MODEL, old="self.memory.copy_(memory.detach())", new="memory.detach()"),),
        update=0,
        phase=Phase.STATE,
        channel="buffer",
        cause="buffer-not-updated",
    ),
    Mutant(
        id="short-texts-trained",
        edits=(Edit(file=_COMMAND, old="shortest_text=10", new="shortest_text=1"),),
        update=4,
        phase=Phase.DATA,
        channel="tokens",
        cause="batches-shifted",
    ),
    Mutant(
        id="unreadable-line-ends-the-stream",
        edits=(
            Edit(
                file="stream/sources.py",
                old="                    yield Unreadable(str(error))\n",
                new="                    return\n",
            ),
        ),
        update=6,
        phase=Phase.DATA,
        channel="micro_steps",
        cause="updates-missing",
    ),
    Mutant(
        id="cut-one-token-late",
        edits=(
            Edit(
                file="stream/examples.py",
                old="self._tokenizer.encode(text)[: self._longest]",
                new="self._tokenizer.encode(text)[: self._longest + 1]",
            ),
        ),
        update=0,
        phase=Phase.DATA,
        channel="tokens",
        cause="sequence-limit",
    ),
    Mutant(
        id="targets-not-shifted",
        edits=(Edit(file="stream/examples.py", old="return self.tokens[1:]", new="return self.tokens[:-1]"),),
        update=0,
        phase=Phase.LOSS,
        channel="target",
        cause="model-operation-changed",
    ),
    Mutant(
        id="shown-rate-used",
        edits=(Edit(file=_COMMAND, old="options.schedule == USED", new="options.schedule != USED"),),
        update=0,
        phase=Phase.LR,
        channel="lr",
        cause="learning-rate-zero-at-start",
    ),
    Mutant(
        id="loss-of-another-kind",
        edits=(
            Edit(file=_COMMAND, old="shown_loss=options.loss", new="shown_loss=CROSS_ENTROPY"),
            Edit(
                file=_COMMAND,
                old="from trainers.stream.parts import Parts,",
                new="from trainers.stream.parts import CROSS_ENTROPY, Parts,",
            ),
        ),
        update=0,
        phase=Phase.LOG,
        channel="log_value",
        cause="chart-numbers",
    ),
    Mutant(
        id="partial-chunk-dropped",
        edits=(
            Edit(
                file="stream/parts.py",
                old="        example = next(self.stream, None)\n",
                new="        example = next(self.stream, None)\n"
                "        example = None if example and example.position.offset > 78 else example\n",
            ),
        ),
        scenario="whole-stream",
        update=71,
        phase=Phase.DATA,
        channel="micro_steps",
        cause="updates-missing",
    ),
)

CHUNK: Final = (
    Mutant(
        id="chunk-no-checkpoint",
        edits=(
            Edit(file="stream/by_chunk.py", old="        parts.save(progress, number)\n", new="        pass\n"),
            Edit(
                file="stream/parts.py",
                old="            parts.save(progress, progress.count)\n",
                new="            pass\n",
            ),
        ),
        update=14,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_file",
        cause="checkpoint-not-written",
    ),
    Mutant(
        id="chunk-no-final-checkpoint",
        edits=(
            Edit(
                file="stream/parts.py",
                old="            parts.save(progress, progress.count)\n",
                new="            pass\n",
            ),
        ),
        update=20,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_file",
        cause="last-checkpoint-missing",
    ),
    Mutant(
        id="chunk-without-rate",
        edits=(
            Edit(
                file=_CHARTS,
                old='        twin.plot(counts, history.columns["learning_rate"], color=RIGHT)\n',
                new="",
            ),
        ),
        update=14,
        phase=Phase.LOG,
        channel="chart",
        cause="chart-changed",
    ),
    Mutant(
        id="chunk-of-counted-tokens",
        edits=(
            Edit(
                file="stream/by_chunk.py",
                old="estimate += len(example.text) // CHARACTERS_PER_TOKEN",
                new="estimate += len(example.tokens)",
            ),
        ),
        update=6,
        phase=Phase.EVAL,
        channel="eval_forwards",
        cause="updates-missing",
    ),
    Mutant(
        id="chunk-mean-of-means",
        edits=(
            Edit(file="stream/by_chunk.py", old="        loss_sum += loss * count\n", new="        loss_sum += loss\n"),
            Edit(file="stream/by_chunk.py", old="loss=loss_sum / tokens", new="loss=loss_sum / len(chunk)"),
        ),
        update=14,
        phase=Phase.CHECKPOINT,
        channel="checkpoint_value",
        cause="chart-numbers",
    ),
    Mutant(
        id="memory-disturbed-by-samples",
        edits=(Edit(file=_MODEL, old="        model.memory.copy_(memory)\n", new=""),),
        update=7,
        phase=Phase.LOSS,
        channel="loss",
        cause="loss-differs",
    ),
    Mutant(
        id="generators-disturbed-by-samples",
        edits=(Edit(file=_MODEL, old="        restore_generators(generators)\n", new=""),),
        update=7,
        phase=Phase.DATA,
        channel="rng",
        cause="evaluation-draws",
    ),
    Mutant(
        id="mode-left-by-samples",
        edits=(Edit(file=_MODEL, old="            module.training = is_training\n", new="            pass\n"),),
        update=7,
        phase=Phase.FORWARD,
        channel="train_mode",
        cause="mode-left-in-eval",
    ),
)

STOPS: Final = (
    Mutant(
        id="stream-begins-anew",
        edits=(Edit(file=_COMMAND, old="        start=start.position,\n", new="        start=Progress().position,\n"),),
        scenario="resume",
        update=0,
        phase=Phase.DATA,
        channel="batch",
        cause="resume-data-restarted",
    ),
    Mutant(
        id="stream-one-text-behind",
        edits=(Edit(file=_CHECKPOINT, old="place.offset]", new="place.offset - 1]"),),
        scenario="resume",
        update=0,
        phase=Phase.DATA,
        channel="batch",
        cause="resume-data-repeated",
    ),
    Mutant(
        id="memory-not-restored",
        edits=(Edit(file=_CHECKPOINT, old='        model.memory.copy_(trunk["memory"])\n', new=""),),
        scenario="resume",
        update=-1,
        phase=Phase.SETUP,
        channel="buffer_initial",
        cause="resume-buffers-not-loaded",
    ),
    Mutant(
        id="moments-not-restored",
        edits=(
            Edit(file=_CHECKPOINT, old='        learner.optimizer.load_state_dict(training["optimizer"])\n', new=""),
        ),
        scenario="resume",
        update=0,
        phase=Phase.SETUP,
        channel="optimizer_state_initial",
        cause="resume-optimizer-state-missing",
    ),
    Mutant(
        id="signal-unheard",
        edits=(Edit(file=_COMMAND, old="    with flag.listen():\n", new="    if flag is not None:\n"),),
        scenario="interrupt-sigterm",
        update=-1,
        phase=Phase.EXIT,
        channel="exit_status",
        cause="interrupt-unhandled",
    ),
)

BENIGN: Final = (
    Benign(
        id="stream-model-of-another-name",
        edits=(
            Edit(file=_MODEL, old="class StreamModel(nn.Module)", new="class Reader(nn.Module)"),
            Edit(file=_MODEL, old="model: StreamModel", new="model: Reader", times=2),
            Edit(
                file=_COMMAND,
                old="import Learner, StreamModel, select_gpu",
                new="import Learner, Reader as Net, select_gpu",
            ),
            Edit(file=_COMMAND, old="model = StreamModel(", new="model = Net("),
        ),
    ),
    Benign(
        id="stream-progress-text",
        edits=(Edit(file="stream/by_step.py", old='print(f"step {step}: ', new='print(f"text {step}: '),),
    ),
    Benign(
        id="chart-of-other-bytes",
        edits=(
            Edit(file=_CHARTS, old="color=RIGHT", new='color="tab:red"', times=2),
            Edit(file=_CHARTS, old="SIZE = (20, 12)", new="SIZE = (10, 8)"),
            Edit(file=_BOOK, old="dpi=layout.dots_per_inch", new="dpi=25"),
        ),
    ),
    Benign(
        id="panels-made-in-another-order",
        edits=(
            Edit(
                file=_CHARTS,
                old="    _throughput(figure.add_subplot(grid[0, 2]), history, style)\n"
                "    _fourth(figure.add_subplot(grid[1, 0]), history, style)\n",
                new="    _fourth(figure.add_subplot(grid[1, 0]), history, style)\n"
                "    _throughput(figure.add_subplot(grid[0, 2]), history, style)\n",
            ),
        ),
    ),
    Benign(
        id="charts-through-pyplot",
        edits=(
            Edit(
                file=_CHARTS,
                old="    from matplotlib.figure import Figure\n\n    figure = Figure(figsize=SIZE)",
                new="    from matplotlib import pyplot\n\n    pyplot.close('all')\n"
                "    figure = pyplot.figure(figsize=SIZE)",
            ),
        ),
    ),
    Benign(
        id="reads-one-text-ahead",
        edits=(Edit(file="stream/reading.py", old="AHEAD = 64", new="AHEAD = 1"),),
    ),
    Benign(
        id="history-without-spaces",
        edits=(Edit(file="stream/history.py", old=", indent=2)", new=")"),),
    ),
)
