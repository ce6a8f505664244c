"""The built book served on this machine, and a browser to look at it with."""

import gzip
import os
import sys
import threading
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from book.browser import MISSING, QUIET, find

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
NODE_MODULES = Path(sys.prefix) / "node_modules"  # of tests/package.json: see the Makefile
# Minutes each: they begin first, or one process would wait at the end for another that has one of them.
LONG = ("test_lighthouse", "test_lab", "test_package", "test_pages", "test_accessibility")


def pytest_collection_modifyitems(items):
    rank = {name: at for at, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONG)))


def executed(path):
    """A notebook as the build executed it."""
    from jupyter_cache import get_cache  # of the book: the tests of the library do without

    folder = ROOT / "_build" / ".jupyter_cache"
    if not folder.exists():
        pytest.fail("the book is not built: run `make book` first")
    known = get_cache(folder)
    return known.get_cache_bundle(known.match_cache_file(str(path)).pk).nb


@cache
def packed(path):
    return gzip.compress(Path(path).read_bytes())


class Handler(SimpleHTTPRequestHandler):
    """Serves text compressed and says how long it keeps, as GitHub Pages does."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in (".html", ".css", ".js", ".svg") or not path.is_file():
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(packed(path))))
        self.end_headers()
        self.wfile.write(packed(path))

    def end_headers(self):
        self.send_header("Cache-Control", "max-age=600")
        super().end_headers()

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


def missing(what):
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} and run again")


def node_module(name):
    """A file of tests/package.json's packages."""
    path = NODE_MODULES / name
    if not path.exists():
        missing(f"no {name}: install it with `make .venv/node_modules`")
    return path


@pytest.fixture(scope="session")
def playwright():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright):
    """The path of Chromium or Chrome as installed, or else of the one Playwright fetched."""
    path = find(playwright)
    if path is None:
        missing(MISSING)
    return path


@pytest.fixture(scope="session")
def browser(playwright, chromium):
    launched = playwright.chromium.launch(executable_path=chromium, args=QUIET)
    yield launched
    launched.close()
