"""A Sphinx extension: pages that are light.

The theme sends every page 1.5 MB of icons, twice, twelve style sheets one after the other and the search
index. Here the written pages are put on a diet that takes nothing from the reader: one style sheet, a font
of the icons in use, scripts that wait for the text, no marks around code that has the colour of the text,
pictures of known size in a smaller format that are fetched when they are near, and the frames of explorers
in files of their own.
"""

import base64
import hashlib
import re
from os.path import relpath
from pathlib import Path

from fontTools.subset import Options, Subsetter, load_font, save_font
from PIL import Image

SHEET = "_static/book-all.css"
ICONS = "_static/icons.woff"
FONT = "_static/vendor/fontawesome/webfonts/fa-solid-900.ttf"
FACE = '@font-face { font-family: "Font Awesome 6 Free"; font-weight: 900; src: url(icons.woff); }\n'

LINK = re.compile(r'<link (?=[^>]*rel="stylesheet")[^>]*href="([^"?]*)[^>]*>\s*')
IMPORT = re.compile(r'@import "([^"]*)";')
ADDRESS = re.compile(r"url\(([\"']?)(?![\"']|data:|#)")
ICON_RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"[^"]*"\}')
UNUSED = re.compile(
    r'<script[^>]*src="[^"]*fontawesome\.js[^>]*></script>\s*|<link rel="preload" as="script"[^>]*>\s*'
)
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
    """The style sheets that the pages link to, in order; of the last build if no page is new."""
    pages = ((path.parent / a).resolve() for path, text in texts.items() for a in LINK.findall(text))
    names = [path.relative_to(out.resolve()).as_posix() for path in dict.fromkeys(pages)]
    if names == [SHEET]:
        return (out / SHEET).read_text(encoding="utf-8").splitlines()[0].split()[1:-1]
    return [name for name in names if name != SHEET]


def one_style(out, texts):
    """Join the style sheets, without the icons that nothing shows, and make a font of those shown."""
    names = linked(out, texts)
    css = "\n".join(sheet(out / name, (out / SHEET).parent) for name in names)
    scripts = (path.read_text(encoding="utf-8") for path in out.glob("_static/scripts/*theme.js"))
    shown = set(re.findall(r"\bfa-[\w-]+", "".join([*texts.values(), *scripts])))
    css = ICON_RULE.sub(lambda m: m[0] if shown & set(re.findall(r"fa-[\w-]+", m[1])) else "", css)
    options = Options(flavor="woff", notdef_outline=True)
    font = load_font(str(out / FONT), options)
    subset = Subsetter(options)
    subset.populate(unicodes={int(code, 16) for code in re.findall(r"\\([ef][0-9a-f]{3})\b", css)})
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
        if ' width="' in match[1]:  # an explorer's, or one from the last build
            return match[0]
        with Image.open(out / "_images" / match[2]) as opened:
            width, height = (round(SHOWN * pixels) for pixels in opened.size)
        return f'<img {match[1]} width="{width}" height="{height}"{lazy}>'

    return PICTURE.sub(picture, text)


def finish(app, exception):
    """Make the pages that were written light."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    (out / "_images").mkdir(exist_ok=True)
    pages = [path for path in out.rglob("*.html") if "_static" not in path.parts]
    texts = {path: path.read_text(encoding="utf-8") for path in pages}
    one_style(out, texts)
    for path, text in texts.items():
        up = "../" * (len(path.relative_to(out).parts) - 1)
        text = AGAIN.sub("", PLAIN.sub(r"\1", patient(link_once(text, up))))
        text = unpack(out, text, up)
        path.write_text(measured(out, text), encoding="utf-8")


def setup(app):
    app.connect("build-finished", finish, priority=900)  # when the pages are otherwise done
    return {"parallel_read_safe": True, "parallel_write_safe": True}
