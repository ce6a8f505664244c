"""The browser that prints the book and that the tests look at it with: Chromium or Chrome."""

import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING = "no browser: install Chromium (Debian: apt-get install chromium) and run again"


def launch(playwright):
    """The browser as installed, or else the one that Playwright fetched; None if there is neither."""
    path = next(filter(None, map(shutil.which, NAMES)), playwright.chromium.executable_path)
    return playwright.chromium.launch(executable_path=path, args=QUIET) if Path(path).exists() else None
