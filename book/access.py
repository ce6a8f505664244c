"""What the theme and its extensions get wrong for those who listen, mended (`book/pages.py`).

Each repair is a few characters of the written page. The browser tests run axe-core on every page and
allow nothing, so a repair that no longer fits what the theme writes is noticed there.
"""

import re

REPAIRS = (
    # The name of a button must contain the words on it: "Show code cell source", "Search Ctrl+K".
    (r'<summary aria-label="Toggle hidden content">', "<summary>"),
    (r'(<button class="btn search-button-field[^>]*?) aria-label="Search"', r"\1"),
    # The entries of a list are its items; the role that docutils gives them is deprecated.
    (r'role="doc-biblioentry"', 'role="listitem"'),
    # The space before a link is not a part of it.
    (r'(<a class="[^"]*" href="[^"]*">) ', r" \1"),
    # The arrow that unfolds a chapter in the table of contents says what it does.
    (r'<summary>(\s*<span class="toctree-toggle")', r'<summary aria-label="Pages of this chapter">\1'),
    # An empty cell is not a heading.
    (r'<th class="head[^"]*">((?:<p>)?\s*(?:</p>)?)</th>', r"<td>\1</td>"),
    # All that can be seen belongs to a landmark: the title above the table of contents, too.
    (r'<div id="pst-primary-sidebar"', '<div role="navigation" aria-label="Book" id="pst-primary-sidebar"'),
)


def repaired(text):
    """A page with every repair made; a page that has them already stays as it is."""
    for wrong, right in REPAIRS:
        text = re.sub(wrong, right, text)
    return text
