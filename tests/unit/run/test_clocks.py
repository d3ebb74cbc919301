from rich.progress import Progress

from parity.run.clocks import Clock, Wheel, rest


def shown(bars):
    return [[str(column.render(task)) for column in bars.columns] for task in bars.tasks]


def test_a_stage_that_is_done_neither_turns_nor_ages():
    now = 0.0
    with Progress(Wheel(), Clock(), auto_refresh=False, get_time=lambda: now) as bars:
        first = bars.add_task("reference")
        now = 5.0
        rest(bars, [first])
        second = bars.add_task("candidate")
        now = 8.0
        (wheel, clock), (turning, running) = shown(bars)
        assert (wheel, clock, running) == (" ", "0:00:05", "0:00:03")
        assert turning.strip()
        rest(bars, [first, second])
        now = 20.0
        bars.update(first, took=None)
        (wheel, clock), (turning, running) = shown(bars)
        assert (turning, clock, running) == (" ", "0:00:20", "0:00:03")
        assert wheel.strip()
