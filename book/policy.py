"""Each page names the scripts that it may run, and the browser runs no others (`book/pages.py`).

A content-security policy. What an address, a search or a hole in a script of the theme might smuggle into a
page is not run, and nothing is fetched from elsewhere. GitHub Pages sends no headers of our choice, so the
policy is a `<meta>` of the page, ahead of all scripts. A script inside the page is allowed by its hash; the
theme's `onclick="…"` becomes the name of what `book.js` shall call. Styles are not restricted: the formulas
have thousands of them as attributes.
"""

import base64
import hashlib
import re

META = re.compile(r'\s*<meta http-equiv="Content-Security-Policy"[^>]*>')
SCRIPT = re.compile(r"<script\b(?![^>]*\ssrc=)([^>]*)>(.*?)</script>", re.DOTALL)
DATA = re.compile(r'\btype="application/(?:ld\+)?json"')  # read by a script, never run
HANDLER = re.compile(r'(<button [^>]*)onclick="(?:window\.)?(\w+)\(\)"')
HEAD = re.compile(r"<head>")


def sources(codes):
    """The hashes of pieces of code, in the order of the page, each once."""
    digests = (hashlib.sha256(code.encode()).digest() for code in codes)
    return list(dict.fromkeys(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests))


def policy(text):
    """What a page may do: run its own scripts, fetch its own files, show pictures of its own."""
    scripts = sources(code for attributes, code in SCRIPT.findall(text) if not DATA.search(attributes))
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(["script-src 'self'", *scripts]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        )
    )


def stated(text):
    """A page with its policy first in its head; one that has an older policy gets the new one."""
    text = HANDLER.sub(r'\1data-calls="\2"', META.sub("", text))
    meta = f'\n    <meta http-equiv="Content-Security-Policy" content="{policy(text)}" />'
    return HEAD.sub(lambda match: match[0] + meta, text, count=1)
