"""Pages that are light (`book/pages.py`).

The theme sends every page 1.5 MB of icons, twice, twelve style sheets one after the other and the search
index. Here the written pages are put on a diet that takes nothing from the reader: one style sheet of the
rules that can match something, a font of the icons in use, scripts that wait for the text, no marks around
code that has the colour of the text, pictures of known size in a smaller format that are fetched when they
are near, and the frames of explorers in files of their own.
"""

import base64
import hashlib
import re
from os.path import relpath

from fontTools.subset import Options, Subsetter, load_font, save_font
from PIL import Image

from book.policy import META

SHEET = "_static/book-all.css"
ICONS = "_static/icons.woff"
FONT = "_static/vendor/fontawesome/webfonts/fa-solid-900.ttf"
FACE = '@font-face { font-family: "Font Awesome 6 Free"; font-weight: 900; src: url(icons.woff); }\n'

WORD = re.compile(r"[A-Za-z_][\w-]*")
PIECE = re.compile(
    r"""/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|url\([^)"']*\)|[{};]""", re.DOTALL
)  # of a style sheet: what may hide a brace, and what ends a rule
REMARK = re.compile(r"/\*.*?\*/", re.DOTALL)
GROUPS = ("@media", "@supports", "@layer", "@container")
OPTIONAL = re.compile(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)")
CLASS = re.compile(r"[.#]((?:[\w-]|\\.)+)")
SYMBOL = re.compile(r'(--pst-icon-[\w-]+):"([^"\\])"')  # an icon under a name of the theme

LINK = re.compile(r'<link (?=[^>]*rel="stylesheet")[^>]*href="([^"?]*)[^>]*>\s*')
IMPORT = re.compile(r'@import "([^"]*)";')
ADDRESS = re.compile(r"url\(([\"']?)(?![\"']|data:|#)")
ALL_ICONS = re.compile(r"@font-face \{[^}]*fa-solid-900[^}]*\}\n")
UNUSED = re.compile(
    r'<script[^>]*src="[^"]*(?:fontawesome|design-tabs)\.js[^>]*></script>\s*'
    r'|<link rel="preload" as="script"[^>]*>\s*'
)
THEME = "_static/scripts/pydata-sphinx-theme.js"
# The theme's script asks the size of every box that may scroll, also of code that is folded, and sets an
# attribute after each: the page is laid out again and again. `book.js` does the same when a box is seen.
BY_TURNS = re.compile(r"forEach\((\w)=>\{\1\.tabIndex=[^{}?]*\?0:-1\}\)")
UNUSED_PATHS = {"fontawesome.js", "design-tabs.js", "locales", "vendor"}
SCHEME = '(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")'
SEARCH = re.compile(r'<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^>]*></script>\s*')
PLAIN = re.compile(r'<span class="[npw]">([^<]*)</span>')  # Pygments' names, punctuation, white space
# A second title and contents, for print alone: the search would show them as the page's first words.
AGAIN = re.compile(r'<div id="jb-print-docs-body".*?(?=<div id="searchbox">)', re.DOTALL)
SHOWN = 0.75  # figures have 200 dots an inch, for print and fine screens (alignlib.plots); a page shows 150
FRAME = re.compile(r"data:image/(png|webp);base64,([A-Za-z0-9+/=]+)")
PNG = re.compile(r"_images/([\w-]+)\.png")
PICTURE = re.compile(r'<img ([^>]*src="[^"]*_images/([\w-]+\.webp)"[^>]*)>')


def sheet(path, home):
    """A style sheet with what it imports, its addresses seen from the folder `home`."""
    text = path.read_text(encoding="utf-8")
    text = ADDRESS.sub(lambda m: f"url({m[1]}{relpath(path.parent, home)}/", text)
    return IMPORT.sub(lambda m: sheet(path.parent / m[1], home), text)


def linked(out, texts):
    """The style sheets that are joined already, and then those that the pages link to, in order."""
    joined = (out / SHEET).read_text(encoding="utf-8") if (out / SHEET).exists() else "/* */"
    pages = ((path.parent / a).resolve() for path, text in texts.items() for a in LINK.findall(text))
    names = (path.relative_to(out.resolve()).as_posix() for path in pages)
    return list(dict.fromkeys([*joined.splitlines()[0].split()[1:-1], *names]))


def rules(css):
    """The rules of a style sheet as pairs of head and body; a statement has the body None."""
    start, head, depth = 0, "", 0
    for piece in PIECE.finditer(css):
        if piece[0] == "{":
            depth += 1
            if depth == 1:
                head, start = REMARK.sub("", css[start : piece.start()]).strip(), piece.end()
        elif piece[0] == "}":
            depth -= 1
            if depth == 0:
                yield head, css[start : piece.start()].strip()
                start = piece.end()
        elif piece[0] == ";" and depth == 0:
            yield REMARK.sub("", css[start : piece.end()]).strip(), None
            start = piece.end()


def used(css, words):
    """The rules that can match: every class and name that a selector asks for is among the words.

    A word that ends in a hyphen is one that a script continues.
    """
    begun = tuple(word for word in words if word.endswith("-") and len(word) > 2)

    def can_match(selector):
        names = (name.replace("\\", "") for name in CLASS.findall(OPTIONAL.sub("", selector)))
        return all(name in words or name.startswith(begun) for name in names)

    kept = []
    for head, body in rules(css):
        if body is not None and head.startswith(GROUPS):
            body = used(body, words)
        if body is None:
            kept.append(head)
        elif body and (head.startswith("@") or any(map(can_match, head.split(",")))):
            kept.append(f"{head} {{{body}}}")
    return "\n".join(kept)


def icons(css):
    """The characters of all icons that a style sheet shows."""
    named = {ord(icon) for name, icon in SYMBOL.findall(css) if f"var({name})" in css}
    return named | {int(code, 16) for code in re.findall(r"\\([ef][0-9a-f]{3})\b", css)}


def one_style(out, names, texts):
    """Join the style sheets, without what nothing on the pages can match, and make a font of the icons."""
    css = "\n".join(sheet(out / name, (out / SHEET).parent) for name in names)
    scripts = [path for path in out.glob("_static/**/*.js") if not UNUSED_PATHS & {*path.parts}]
    written = [*texts, *(path.read_text(encoding="utf-8") for path in scripts)]
    words = {word for text in written for word in WORD.findall(text)}
    css = ALL_ICONS.sub("", used(css, words))
    options = Options(flavor="woff", notdef_outline=True)
    font = load_font(str(out / FONT), options)
    subset = Subsetter(options)
    subset.populate(unicodes=icons(css))
    subset.subset(font)
    save_font(font, str(out / ICONS), options)
    (out / SHEET).write_text(f"/* {' '.join(names)} */\n{css}{FACE}", encoding="utf-8")


def link_once(text, up):
    """The page's first link to a style sheet becomes the link to the joined one; the others go."""
    links = iter([f'<link rel="stylesheet" href="{up}{SHEET}">\n'])
    return LINK.sub(lambda m: next(links, ""), text)


def patient(text):
    """Scripts run once the text is there; what is not used is not fetched."""
    text = UNUSED.sub("", text)
    if 'id="search-results"' not in text:
        text = SEARCH.sub("", text)
    text = re.sub(r"<script (?=[^>]*src=)(?![^>]*defer)", "<script defer ", text)
    # The theme's script would find out after the text is painted, and paint it again.
    text = text.replace('getItem("theme") || "auto"', f'getItem("theme") || {SCHEME}')
    # These lines need one of those scripts; a module waits in the same queue.
    return text.replace("<script>DOCUMENTATION_OPTIONS.", '<script type="module">DOCUMENTATION_OPTIONS.')


def unpack(out, text, up):
    """Frames that a page carries inside become files, and every picture a lossless WebP."""

    def frame(match):
        data = base64.b64decode(match[2])
        name = f"{hashlib.sha256(data).hexdigest()[:32]}.{match[1]}"
        (out / "_images" / name).write_bytes(data)
        return f"{up}_images/{name}"

    def smaller(match):
        path = out / "_images" / f"{match[1]}.png"
        if path.exists():  # or another page has come first
            with Image.open(path) as picture:
                picture.save(path.with_suffix(".webp"), lossless=True)
            path.unlink()
        return f"_images/{match[1]}.webp"

    return PNG.sub(smaller, FRAME.sub(frame, text))


def measured(out, text):
    """Every picture says its size on the page; all but the first are fetched when they are near."""
    pictures = iter(range(text.count("<img ")))

    def picture(match):
        lazy = ' loading="lazy"' if next(pictures) else ""
        if ' width="' in match[1]:  # an explorer's
            return match[0]
        with Image.open(out / "_images" / match[2]) as opened:
            width, height = (round(SHOWN * pixels) for pixels in opened.size)
        return f'<img {match[1].rstrip(" /")} width="{width}" height="{height}"{lazy}>'

    return PICTURE.sub(picture, text)


def lightened(out, new, done):
    """The new pages made light, and the style sheet that they share with those that are done."""
    (out / "_images").mkdir(exist_ok=True)
    names = linked(out, new)
    script = (out / THEME).read_text(encoding="utf-8")
    (out / THEME).write_text(BY_TURNS.sub("forEach(()=>{})", script), encoding="utf-8")
    new = {path: lighter(out, path, text) for path, text in new.items()}
    one_style(out, names, [*new.values(), *(META.sub("", text) for text in done.values())])
    return new


def lighter(out, path, text):
    up = "../" * (len(path.relative_to(out).parts) - 1)
    text = AGAIN.sub("", PLAIN.sub(r"\1", patient(link_once(text, up))))
    return measured(out, unpack(out, text, up))
