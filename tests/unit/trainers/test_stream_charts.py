"""The charts of family stream: what is on them, by the figure and not by its pixels; and who draws them."""

import gc
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trainers.common.errors import DataError
from trainers.stream import drawing
from trainers.stream.book import Layout, PlainBook
from trainers.stream.charts import CHUNKS, STEPS, draw, moving_average
from trainers.stream.drawing import BackgroundBook
from trainers.stream.history import History, read_history

pytest.importorskip("matplotlib")
ROOT = Path(__file__).parents[3]


def history(points, *, style=STEPS, samples=0):
    found = History.of(style.columns)
    for number in range(points):
        row = {"loss": 3.0 - number / 1000, "accuracy": number / 1000, "throughput": 100.0, "learning_rate": 1e-3}
        found.add({**row, style.count: number, "tokens_processed": 10 * number})
    found.samples.extend(sample(number) for number in range(samples))
    return found


def sample(step, text="given"):
    return {"step": step, "input": text, "output": "made of it", "accuracy": 0.25}


def panels(points, style=STEPS, **more):
    figure = draw(history(points, style=style, **more), style, step=points)
    return {axes.get_title() or axes.get_ylabel(): axes for axes in figure.axes}


def pixels(path):
    from matplotlib import image

    return image.imread(path)


@pytest.mark.parametrize(("style", "points"), [(STEPS, 9), (CHUNKS, 1)])
def test_no_charts_of_too_few_points(style, points):
    assert draw(history(points, style=style), style, step=points) is None
    assert draw(history(points + 1, style=style), style, step=points) is not None


def test_seven_charts():
    found = panels(501, samples=1)
    assert [title for title in found if not title.startswith(("Step", "Accuracy ("))] == [
        "Training Loss",
        "Training Accuracy",
        "Throughput",
        "Learning Rate",
        "Loss vs Accuracy",
        "Recent Performance (last 500)",
        "Text Samples",
    ]
    assert found["Learning Rate"].get_yscale() == "log"
    assert found["Training Accuracy"].get_ylim() == (0, 100)
    assert found["Training Accuracy"].lines[0].get_ydata()[-1] == 50.0
    assert len(found["Loss vs Accuracy"].collections[0].get_offsets()) == 501


@pytest.mark.parametrize(("points", "lines"), [(50, 1), (51, 2)])
def test_averages_of_more_than_fifty_points_over_fifty(points, lines):
    for name in ("Training Loss", "Training Accuracy"):
        drawn = panels(points)[name].lines
        assert len(drawn) == lines
    if lines == 2:
        x, y = drawn[1].get_data()
        assert list(x) == [49, 50]
        assert np.allclose(y, [100 * np.arange(50).mean() / 1000, 100 * np.arange(1, 51).mean() / 1000])


def test_a_moving_average_is_the_mean_of_the_values_up_to_its_place():
    values = [1.0, 2.0, 4.0, 8.0]
    assert list(moving_average(values, 2)) == [1.5, 3.0, 6.0]
    assert list(moving_average(values, 4)) == [3.75]


@pytest.mark.parametrize("points", [500, 501])
def test_recent_steps_of_long_runs_only(points):
    found = panels(points)
    assert ("Recent Performance (last 500)" in found) == (points > 500)
    if points > 500:
        assert found["Recent Performance (last 500)"].lines[0].get_ydata()[0] == 3.0 - 1 / 1000


def test_the_table_shows_the_last_five_samples_cut_short():
    found = history(10, samples=6)
    found.samples.append(sample(6, "x" * 41))
    found.samples.append(sample(7, "it costs $5 and $6\tor\\frac{$"))
    figure = draw(found, STEPS, step=10)
    (table,) = next(axes for axes in figure.axes if axes.get_title() == "Text Samples").tables
    cells = {at: cell.get_text().get_text() for at, cell in table.get_celld().items()}
    assert [cells[0, column] for column in range(4)] == ["Step", "Input", "Model Output", "Accuracy"]
    assert [cells[row, 0] for row in range(1, 6)] == ["3", "4", "5", "6", "7"]
    assert (cells[4, 1], cells[4, 3]) == ("x" * 40 + "...", "25.0%")
    figure.canvas.draw()  # dollars and backslashes are no formula


def test_chunks_show_tokens_and_rate_and_short_averages():
    found = panels(3, CHUNKS)
    assert len(found["Training Loss"].lines) == 2
    assert found["Training Loss"].get_legend().get_texts()[1].get_text() == "3-chunk average"
    assert len(found["Training Accuracy"].lines) == 1
    assert list(found["Tokens Processed"].lines[0].get_ydata()) == [0, 10, 20]
    assert "Learning Rate" in found
    assert len(panels(30, CHUNKS)["Recent Performance (last 20)"].lines[0].get_ydata()) == 20


# -- books -------------------------------------------------------------------------------------------------------------


def layout(directory, **more):
    return Layout(directory=directory, style=STEPS, dots_per_inch=20, **more)


def fill(book, begin, end):
    for number in range(begin, end):
        book.add({"steps": number, "loss": 2.0, "accuracy": 0.5, "throughput": 10.0, "learning_rate": 0.1})
        if number % 5 == 0:
            book.show(sample(number))


def files(directory):
    return sorted(path.name for path in directory.iterdir())


def test_charts_and_json_on_disk_and_none_of_them_blank(tmp_path):
    book = PlainBook(layout(tmp_path))
    fill(book, 0, 12)
    book.publish(12)
    assert files(tmp_path) == [
        "metrics_history.json",
        "text_samples.json",
        "training_latest.png",
        "training_step_000012.png",
    ]
    latest, numbered = (pixels(tmp_path / name) for name in ("training_latest.png", "training_step_000012.png"))
    assert latest.std() > 0.05
    assert np.array_equal(latest, numbered)
    written = json.loads((tmp_path / "metrics_history.json").read_text())
    assert list(written) == ["steps", "loss", "accuracy", "throughput", "learning_rate"]
    assert written["steps"] == list(range(12))
    assert json.loads((tmp_path / "text_samples.json").read_text()) == [sample(0), sample(5), sample(10)]


def test_a_book_goes_on_where_the_run_does(tmp_path):
    fill(book := PlainBook(layout(tmp_path, charts=False)), 0, 12)
    book.publish(12)
    assert files(tmp_path) == ["metrics_history.json", "text_samples.json"]
    fill(again := PlainBook(layout(tmp_path, charts=False, resumed_at=9)), 9, 11)
    assert again.history.columns["steps"] == list(range(11))
    assert [one["step"] for one in again.history.samples] == [0, 5, 10]
    assert len(PlainBook(layout(tmp_path)).history) == 0


@pytest.mark.parametrize("text", ["{", "[]", '{"steps": [1]}', '{"steps": [1], "loss": []}'])
def test_a_history_of_something_else_is_refused(tmp_path, text):
    (tmp_path / "metrics_history.json").write_text(text)
    (tmp_path / "text_samples.json").write_text("[]")
    with pytest.raises(DataError, match="move both JSON files away"):
        read_history(tmp_path, ("steps", "loss"), before=5)


def test_another_process_draws_the_same(tmp_path, capsys):
    for book in (PlainBook(layout(tmp_path / "plain")), BackgroundBook(layout(tmp_path / "background"))):
        fill(book, 0, 11)
        book.publish(11)
        fill(book, 11, 13)
        book.publish(13)
        book.close()
    assert files(tmp_path / "background") == files(tmp_path / "plain")
    for name in files(tmp_path / "plain"):
        assert (tmp_path / "background" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes(), name
    assert capsys.readouterr().out == ""


def test_where_drawing_falls_behind_charts_are_left_out_but_no_numbers(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(drawing, "PENDING", 1)
    book = BackgroundBook(layout(tmp_path))
    wanted = 6
    for number in range(wanted):
        fill(book, 20 * number, 20 * number + 20)
        book.publish(20 * number + 20)
    book.close()
    drawn = [name for name in files(tmp_path) if name.startswith("training_step")]
    # most of them are wanted before the drawing process is even there
    assert 1 < len(drawn) < wanted
    assert drawn[-1] == f"training_step_{20 * wanted:06d}.png"
    assert f"{wanted - len(drawn)} charts were left out" in capsys.readouterr().out
    assert json.loads((tmp_path / "metrics_history.json").read_text())["steps"] == list(range(20 * wanted))


def test_a_drawing_process_that_dies_does_not_end_the_training(tmp_path, capfd):
    book = BackgroundBook(layout(tmp_path))
    os.kill(book._process.pid, signal.SIGKILL)
    fill(book, 0, 12)
    for number in range(20):
        book.publish(number)
    book.close()
    assert "the training is not affected" in capfd.readouterr().out


def test_a_killed_training_takes_its_drawing_process_along(tmp_path):
    program = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from trainers.stream.book import Layout\nfrom trainers.stream.charts import STEPS\n"
        "from trainers.stream.drawing import BackgroundBook\n"
        "if __name__ == '__main__':\n"
        "    book = BackgroundBook(Layout(directory=Path(sys.argv[1]), style=STEPS, dots_per_inch=20))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    (tmp_path / "program.py").write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "out")]
    # the output is complete only when the last process that could write to it is gone
    done = subprocess.run(words, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL


def test_drawing_needs_no_torch():
    program = (
        "import sys, trainers.stream.drawing\nassert 'torch' not in sys.modules and 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_figures_do_not_pile_up(tmp_path):
    """A thousand of them are drawn by tests/bench/test_stream.py."""
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure

    book = PlainBook(layout(tmp_path))
    fill(book, 0, 10)
    for number in range(4):
        book.publish(number)
        (tmp_path / f"training_step_{number:06d}.png").unlink()
    gc.collect()
    assert [one for one in gc.get_objects() if type(one) is Figure] == []
    assert plt.get_fignums() == []
