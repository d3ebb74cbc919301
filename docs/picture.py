"""Draws docs/report.png, the picture in the README, from a report: ``python docs/picture.py REPORT.html``."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import ARGUMENTS, find_chromium

SIZE = {"width": 1100, "height": 852}

if __name__ == "__main__":
    report = Path(sys.argv[1]).resolve()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport=SIZE)
        page.goto(report.as_uri())
        page.screenshot(path=Path(__file__).with_name("report.png"))
        browser.close()
