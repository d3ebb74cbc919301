"""A real Chromium for tests of pages, and what a page does in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
SHOTS = Path(__file__).parents[1] / "reports" / "out" / "screenshots"


def find_chromium() -> str | None:
    """Path of the browser: what PARITY_CHROMIUM names, else the first of its usual names."""
    named = os.environ.get("PARITY_CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser. Without one tests are skipped, but not in CI, where it has to be there."""
    path = find_chromium()
    if path is None:
        message = f"no browser: install chromium or name one in PARITY_CHROMIUM; looked for {', '.join(NAMES)}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page that is open, everything it asked for over the network or the disk, and everything it complained about."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@contextmanager
def visit(browser: Any, path: Path, **context: Any) -> Iterator[Visit]:
    """Open ``path`` in a fresh context, and fail at the end if the page fetched something or complained."""
    opened = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
    # What does not answer at once never will: everything happens on this machine.
    opened.set_default_timeout(10_000)
    found = Visit(opened.new_page())
    found.page.on("request", lambda request: found.requests.append(request.url))
    found.page.on("console", lambda message: found.complaints.append(f"{message.type}: {message.text}"))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    try:
        found.page.goto(path.as_uri())
        yield found
        assert found.complaints == []
        assert {request.partition("#")[0] for request in found.requests} == {path.as_uri()}
    finally:
        opened.close()


def keep_screenshot(page: Any, name: str, *, full: bool = True) -> None:
    """Leave a picture of ``page`` for whoever wants to look: in PARITY_SCREENSHOTS, else under reports/out."""
    folder = Path(os.environ.get("PARITY_SCREENSHOTS") or SHOTS)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=full)
