"""One Chromium for the whole run, with the network cut; every page is watched for errors."""

import os
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

# How many times as slow the pages' scripts run: what waits too short a time shows here first.
THROTTLE = float(os.environ.get("BIGMODEL_BROWSER_THROTTLE", "1"))
DEBIAN_CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def no_browser(reason):
    """Skip with a loud reason; on a CI machine a missing browser is a failure."""
    message = f"BROWSER TESTS DID NOT RUN: {reason}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(message, pytrace=False)
    warnings.warn(message, stacklevel=2)  # pytest prints it at the end, even when it is quiet
    pytest.skip(message)


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium where there is one, else playwright's own."""
    if find_spec("playwright") is None:
        no_browser("playwright is not installed")
    from playwright.sync_api import Error, sync_playwright

    path = str(DEBIAN_CHROMIUM) if DEBIAN_CHROMIUM.exists() else None
    with sync_playwright() as playwright:
        chromium = None
        try:
            chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except Error as error:
            reason = str(error).splitlines()[0]
        if chromium is None:
            no_browser(f"Chromium cannot be launched ({reason})")
        yield chromium
        chromium.close()


class Pages:
    """Opens pages without a network and keeps what went wrong in them in ``problems``."""

    def __init__(self, browser, folder):
        self.browser = browser
        self.folder = folder
        self.problems = []
        self.contexts = []

    def __call__(self, content, *, width=900, height=900, dark=False, touch=False):
        """Open HTML text, a file (``Path``) or a ``file:`` address; return the playwright page.

        Args:
            content: text that starts with ``<`` is written to a file first.
            width, height: of the window in CSS pixels; a width under 600 emulates a phone.
            dark: choose the dark theme, as the book's own switch stores it.
            touch: give the page a touch screen.
        """
        if isinstance(content, str) and content.lstrip().startswith("<"):
            file = self.folder / f"page-{len(self.contexts)}.html"
            file.write_text(content, encoding="utf-8")
            content = file
        url = content.as_uri() if isinstance(content, Path) else content
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            has_touch=touch,
            is_mobile=touch and width < 600,
            offline=True,
        )
        self.contexts.append(context)
        context.set_default_timeout(60_000)  # milliseconds; a long page on a busy machine
        context.route("**/*", self._only_files)
        theme = "dark" if dark else "light"
        context.add_init_script(
            f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}');"
        )
        page = context.new_page()
        if THROTTLE > 1:
            client = context.new_cdp_session(page)
            client.send("Emulation.setCPUThrottlingRate", {"rate": THROTTLE})
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        page.on("console", self._console)
        page.goto(url)
        return page

    def _only_files(self, route):
        if route.request.url.startswith(("file:", "data:", "blob:")):
            return route.continue_()
        self.problems.append(f"outside request: {route.request.url}")
        return route.abort()

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(f"console {message.type}: {message.text}")


@pytest.fixture
def open_page(browser, tmp_path):
    """``open_page(html_or_url, width=..., dark=...)``; the test fails on any error in a page."""
    pages = Pages(browser, tmp_path)
    yield pages
    for context in pages.contexts:
        context.close()
    assert pages.problems == []


@pytest.fixture(scope="module")
def open_shared(browser, tmp_path_factory):
    """Like ``open_page``, for a page that several tests share; they look at ``problems``."""
    pages = Pages(browser, tmp_path_factory.mktemp("pages"))
    yield pages
    for context in pages.contexts:
        context.close()
