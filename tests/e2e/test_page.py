"""The HTML report in a real Chromium: opened from the disk, read, searched, zoomed, printed, and without a mouse."""

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parity.diagnose.outcome import Outcome
from parity.report.html.page import render_html
from tests.browser import Visit, chromium, keep_screenshot, visit
from tests.payloads import HOSTILE
from tests.unit.report import report_examples as examples
from tests.unit.report.report_builders import judged, process, series, setup, trace
from tests.unit.report.test_report_html import hostile, large

Open = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Open:
    def write_and_open(*outcomes: Outcome, **context: Any) -> AbstractContextManager[Visit]:
        path = tmp_path / "report.html"
        path.write_text(render_html(outcomes), encoding="utf-8")
        return visit(browser, path, **context)

    return write_and_open


def training(rate: float = 0.1, scenario: str = "quick") -> Outcome:
    """A run whose learning rate, loss and second tensor differ from update 6 on, in a candidate with ``rate``."""

    def side(rate: float, width: str) -> list[Any]:
        changed = int(rate != 0.1)
        losses = [1.0 / (1 + at) + (0.01 * changed if at > 5 else 0.0) for at in range(20)]
        return [
            series("loss", "", losses),
            series("lr", "0", [0.1] * 6 + [rate] * 14),
            *setup("parameter_kind", {"embedding": "float32[8]", "head": "float32[4]"}),
            series("parameter", "embedding", list(range(20))),
            series("parameter", "head", [at + (changed if at > 5 else 0) for at in range(20)]),
            *setup("config", {"width": width, "depth": "4"}),
        ]

    sides = [trace("python train.py", process(*side(*given))) for given in ((0.1, "64"), (rate, "128"))]
    return judged(*sides, scenario=scenario)


DIFFERENT = training(0.2)
LOOKS = {
    "different": ([examples.lagging()], {}),
    "dark": ([examples.lagging()], {"color_scheme": "dark"}),
    "narrow": ([examples.lagging()], {"viewport": {"width": 400, "height": 800}}),
    "training": ([DIFFERENT], {}),
    "training-dark": ([DIFFERENT], {"color_scheme": "dark"}),
    "identical": ([training()], {}),
    "failed": ([examples.failed()], {}),
    "several": ([examples.identical("w1"), examples.lagging(), examples.crashed(), examples.failed()], {}),
    "large": ([large()], {}),
    "nothing": ([], {}),
}


@pytest.mark.parametrize(("outcomes", "context"), LOOKS.values(), ids=LOOKS)
def test_opens_from_disk_without_network_or_complaint(
    outcomes: list[Outcome], context: dict[str, Any], opened: Open, request: pytest.FixtureRequest
) -> None:
    with opened(*outcomes, **context) as visit:
        keep_screenshot(visit.page, request.node.callspec.id)
        assert visit.page.locator("h1").is_visible()
        width = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1]


def test_verdict_and_first_divergence_are_on_the_first_screen(opened: Open) -> None:
    with opened(examples.lagging()) as visit:
        for words in ("Different", "First divergence", "Probable cause", "phase lr", "lags by one update"):
            box = visit.page.get_by_text(words).first.bounding_box()
            assert box["y"] + box["height"] <= 900


def test_hostile_names_are_shown_and_never_run(opened: Open) -> None:
    with opened(*(hostile(payload) for payload in HOSTILE)) as visit:
        page = visit.page
        page.locator("#report summary").click()
        report = page.locator("#report").inner_text()
        for index, payload in enumerate(HOSTILE):
            page.evaluate(f"document.querySelector('button[data-scenario=\"{index}\"]').click()")
            shown = page.locator(".scenario:visible")
            shown.get_by_role("searchbox", name="Search tensors").fill("float32")
            assert shown.locator(".chart").count() == 2
            if payload.isprintable() and payload == payload.strip() and 0 < len(payload) < 100:
                assert payload in shown.locator(".tensors").inner_text()
                assert payload in report
        assert page.evaluate("window.broken") is None
        assert page.locator("script").count() == 2


def charts_of(page: Any) -> dict[str, Any]:
    """The charts by their title."""
    found = {one.locator("h3").inner_text(): one for one in page.locator(".chart").all()}
    return {title.partition(" ")[2].strip(): one for title, one in found.items()}


def path_of(chart: Any, kind: str) -> str:
    return chart.locator(f"path.{kind}").first.get_attribute("d")


def test_charts_show_both_sides_and_their_difference(opened: Open) -> None:
    with opened(DIFFERENT) as visit:
        charts = charts_of(visit.page)
        assert list(charts) == ["loss", "lr: 0"]
        for chart in charts.values():
            assert path_of(chart, "reference").count("L") == path_of(chart, "candidate").count("L") == 19
            assert path_of(chart, "reference") != path_of(chart, "candidate")
            assert path_of(chart, "bars:not(.inside)").count("M") == 14
            assert "First difference: update 6" in chart.inner_text()
        assert "reference 0.1, candidate 0.2, difference 0.1" in charts["lr: 0"].locator("output").inner_text()


def test_zooming_and_the_cursor_are_common_to_all_charts(opened: Open) -> None:
    with opened(DIFFERENT) as visit:
        page, charts = visit.page, charts_of(visit.page)
        window = page.locator(".controls .range")
        whole = {title: path_of(chart, "candidate") for title, chart in charts.items()}
        assert window.inner_text() == "Updates 0 to 19"
        page.get_by_role("button", name="Zoom in").click()
        assert window.inner_text() == "Updates 3 to 12"
        assert all(path_of(chart, "candidate") != whole[title] for title, chart in charts.items())
        page.get_by_role("button", name="All updates").click()
        assert all(path_of(chart, "candidate") == whole[title] for title, chart in charts.items())
        drag(page, charts["loss"], 0.5, 0.9)
        low, high = map(int, re.findall(r"\d+", window.inner_text()))
        assert 7 <= low <= 9 < 15 <= high <= 18
        page.get_by_role("button", name="First difference").click()
        assert all("update 6:" in chart.locator("output").inner_text() for chart in charts.values())
        box = charts["loss"].locator("svg").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.95, box["y"] + 60)
        shown = {chart.locator("output").inner_text().partition(":")[0] for chart in charts.values()}
        assert len(shown) == 1
        assert shown != {"update 6"}


def drag(page: Any, chart: Any, start: float, stop: float) -> None:
    box = chart.locator("svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] * start, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * stop, box["y"] + 60, steps=4)
    page.mouse.up()


def test_charts_obey_the_keyboard(opened: Open) -> None:
    with opened(DIFFERENT) as visit:
        chart = charts_of(visit.page)["loss"]
        window, readout = visit.page.locator(".controls .range"), chart.locator("output")
        chart.focus()
        for keys, expected in (("ArrowRight", "update 7:"), ("ArrowLeft", "update 6:"), ("Home", "update 0:")):
            chart.press(keys)
            assert readout.inner_text().startswith(expected)
        chart.press("+")
        assert window.inner_text() == "Updates 0 to 9"
        chart.press("Shift+ArrowRight")
        assert window.inner_text() == "Updates 3 to 11"
        chart.press("0")
        assert window.inner_text() == "Updates 0 to 19"
        chart.press("f")
        assert readout.inner_text().startswith("update 6:")


def test_large_runs_are_zoomed_to_the_very_first_difference(opened: Open) -> None:
    with opened(large()) as visit:
        assert visit.page.locator(".chart").count() == 20
        visit.page.get_by_role("button", name="First difference").click()
        first = visit.page.locator(".chart").first
        assert first.locator("output").inner_text().startswith("update 4322:")
        assert path_of(first, "bars:not(.inside)").startswith("M")


def test_timeline_leads_to_the_evidence(opened: Open) -> None:
    with opened(DIFFERENT) as visit:
        page = visit.page
        cell = page.get_by_role("button", name="loss, update 5: identical")
        cell.focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
            "loss, update 6: different"
        )
        assert "loss, update 6: different; 1 of 1 values" in page.locator(".timeline output").inner_text()
        page.keyboard.press("Enter")
        current = page.locator(".finding.current")
        assert "the loss" in current.inner_text().lower()
        assert current.get_attribute("open") is not None
        assert page.evaluate("document.activeElement.closest('.finding') !== null")
        assert len(page.locator(".timeline .cell.identical").first.inner_text()) == 1


def test_tensors_are_searched_and_filtered(opened: Open) -> None:
    with opened(DIFFERENT) as visit:
        table = visit.page.locator(".tensors")
        rows = table.locator("tbody tr")
        assert rows.count() == 1
        assert "head" in rows.first.inner_text()
        assert "different" in rows.first.inner_text()
        table.get_by_role("checkbox").uncheck()
        assert rows.count() == 2
        table.get_by_role("searchbox").fill("EMBED parameter")
        assert [rows.count(), "embedding" in rows.first.inner_text()] == [1, True]
        table.get_by_role("searchbox").fill("nowhere")
        assert "Nothing matches" in rows.first.inner_text()


def test_settings_show_changes_first(opened: Open) -> None:
    with opened(DIFFERENT) as visit:
        table = visit.page.locator(".settings")
        assert "width" in table.inner_text()
        assert "depth" not in table.inner_text()
        table.get_by_role("checkbox").uncheck()
        assert "depth" in table.inner_text()


def test_keys_reach_everything(opened: Open) -> None:
    with opened(training(0.2, "one"), training(scenario="two")) as visit:
        page = visit.page
        page.keyboard.press("j")
        first = page.locator(".finding.current").get_attribute("id")
        page.keyboard.press("j")
        page.keyboard.press("k")
        assert page.locator(".finding.current").get_attribute("id") == first
        page.keyboard.press("d")
        assert page.locator(".finding.current summary").inner_text().startswith("different")
        page.keyboard.press("/")
        page.keyboard.type("jt?")
        assert page.locator(".scenario:visible").get_by_role("searchbox", name="Search tensors").input_value() == "jt?"
        page.keyboard.press("Tab")
        page.keyboard.press("?")
        assert page.get_by_role("dialog").is_visible()
        page.keyboard.press("Escape")
        assert not page.get_by_role("dialog").is_visible()
        page.keyboard.press("]")
        assert page.locator('button[aria-pressed="true"]').inner_text() == "two"
        assert page.locator(".scenario:visible .timeline .cell").count() > 0
        assert page.locator("#timeline").is_visible()


def test_a_link_to_a_finding_opens_its_scenario(opened: Open, tmp_path: Path) -> None:
    with opened(training(scenario="one"), training(0.2, "two")) as visit:
        visit.page.goto((tmp_path / "report.html").as_uri() + "#finding-1-1")
        visit.page.reload()
        assert visit.page.locator('button[aria-pressed="true"]').inner_text() == "two"
        assert visit.page.locator("#finding-1-1").is_visible()


def test_the_theme_follows_the_system_until_one_is_chosen(opened: Open) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with opened(DIFFERENT, color_scheme="dark") as visit:
        page, button = visit.page, visit.page.locator("#theme")
        dark = page.evaluate(ground)
        assert dark != "rgb(255, 255, 255)"
        button.click()
        assert [page.evaluate(ground), button.inner_text()] == ["rgb(255, 255, 255)", "Theme: light"]
        page.reload()
        assert page.evaluate(ground) == "rgb(255, 255, 255)"
        page.keyboard.press("t")
        assert [page.evaluate(ground), button.inner_text()] == [dark, "Theme: dark"]


CONTRAST = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((one) => one / 255)
    .map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    if (!own || !node.checkVisibility() || node.closest("script, style")) continue;
    const style = getComputedStyle(node);
    const drawn = node instanceof SVGElement;
    const pair = [channels(drawn ? style.fill : style.color), ground(node)].map(luminance);
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    const told = `${node.tagName}.${node.getAttribute("class")} ${ratio.toFixed(2)} ${node.textContent.slice(0, 30)}`;
    if (ratio < 4.5) found.push(told);
  }
  return found;
}"""
NAMELESS = """() => [...document.querySelectorAll("button, input, [role=group], [role=img], table")]
  .filter((node) => node.checkVisibility())
  .filter((node) => !(node.getAttribute("aria-label") || node.textContent.trim() || node.labels?.length))
  .map((node) => node.outerHTML.slice(0, 80))"""
LEVELS = (
    "[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].filter((n) => n.checkVisibility()).map((n) => +n.tagName[1])"
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(scheme: str, opened: Open) -> None:
    several = [examples.lagging(), replace(DIFFERENT, scenario="two"), examples.crashed(), examples.failed()]
    with opened(*several, color_scheme=scheme) as visit:
        page = visit.page
        page.locator("#report summary").click()
        for index in range(len(several)):
            page.locator(f"button[data-scenario='{index}']").click()
            page.mouse.move(0, 0)
            assert page.evaluate(CONTRAST) == []
            assert page.evaluate(NAMELESS) == []
            levels = page.evaluate(LEVELS)
            assert levels[0] == 1
            assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_no_standing_is_told_by_colour_alone(opened: Open) -> None:
    with opened(DIFFERENT) as visit:
        legend = visit.page.locator(".legend li")
        signs = legend.evaluate_all(
            "(all) => all.map((one) => [one.firstChild.textContent, getComputedStyle(one.firstChild).borderStyle])"
        )
        assert len({tuple(sign) for sign in signs}) == len(set(legend.all_inner_texts())) == 7
        assert visit.page.locator(".timeline td .different").first.inner_text() == signs[0][0]
        dashes = [
            visit.page.evaluate(f"getComputedStyle(document.querySelector('.chart path.{side}')).strokeDasharray")
            for side in ("reference", "candidate")
        ]
        assert dashes[0] != dashes[1]


def test_paper_gets_everything_unfolded(opened: Open) -> None:
    with opened(examples.lagging()) as visit:
        page = visit.page
        assert page.locator("details:not([open])").count() > 0
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0
        assert not page.locator(".bar").is_visible()
        assert page.locator("#report").is_visible()
        keep_screenshot(page, "print")
        assert page.pdf().startswith(b"%PDF")


def test_without_scripts_the_report_is_still_there(opened: Open) -> None:
    with opened(examples.lagging(), java_script_enabled=False) as visit:
        page = visit.page
        assert page.get_by_text("which are switched off").is_visible()
        page.locator("#report summary").click()
        assert page.get_by_text("What was compared").last.is_visible()


@pytest.mark.parametrize(("ci", "outcome"), [("1", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_browser_fails_in_ci_only(ci: str, outcome: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", ci)
    monkeypatch.delenv("PARITY_CHROMIUM", raising=False)
    with pytest.raises(outcome, match="install chromium"), chromium():
        pass
