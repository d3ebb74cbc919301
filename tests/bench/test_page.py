"""What the HTML report costs: writing it, and opening that of a long run in a browser."""

import time
from pathlib import Path

from parity.report.html.page import render_html
from tests.browser import chromium, visit
from tests.unit.report import report_examples as examples
from tests.unit.report.test_report_html import large

ROUNDS = 5
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
ZOOM = """() => {
  const begin = performance.now();
  [...document.querySelectorAll("button")].find((one) => one.textContent === "Zoom in").click();
  return performance.now() - begin;
}"""


def test_writing() -> None:
    print()
    for name, outcome in (("20 updates", examples.lagging()), ("10 000 updates, 20 series", large())):
        seconds = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            text = render_html([outcome])
            seconds.append(time.perf_counter() - begin)
        size = len(text.encode()) / 1e3
        print(f"{name:<34} {min(seconds) * 1e3:9.2f} ms   {size:7.0f} kB   budget 1000 kB, of few updates 300 ms")


def test_opening(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_html([large()]), encoding="utf-8")
    loads, zooms = [], []
    with chromium() as browser:
        for _ in range(ROUNDS):
            with visit(browser, path) as opened:
                loads.append(opened.page.evaluate(LOADED))
                zooms.append(opened.page.evaluate(ZOOM))
    print(f"\nopened, all charts drawn           {min(loads):9.2f} ms   worst {max(loads):.0f} ms   budget 1000 ms")
    print(f"zoomed, all charts drawn again     {min(zooms):9.2f} ms   worst {max(zooms):.0f} ms")
