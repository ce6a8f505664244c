"""The built book served on this machine, and a browser to look at it with."""

import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from book.browser import MISSING, launch

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def site():
    """The address of the built book."""
    if not (HTML / "index.html").exists() or (ROOT / "_build" / "failed").exists():
        pytest.fail("the book is not built: run `make book` first")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=HTML)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    """Chromium or Chrome as installed, or else the one Playwright fetched."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = launch(playwright)
        if chromium is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
        yield chromium
        chromium.close()
