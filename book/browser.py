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
MISSING = "no browser: install Chromium (Debian: apt-get install chromium)"


def find(playwright):
    """The path of the browser as installed, or else of the one Playwright fetched; None without either."""
    path = next(filter(None, map(shutil.which, NAMES)), playwright.chromium.executable_path)
    return path if Path(path).exists() else None
