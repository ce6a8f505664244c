"""The extensions that finish the pages: formulas, repairs, and what a page leaves out."""

import re

from book import access, counting, light, scope
from book.mathematics import ERROR, FORMULA, STOPPED, lean, of, together, typeset
from book.pages import PERCENT
from book.store import CHAPTERS
from tests.conftest import HTML


def test_a_formula_becomes_a_picture_and_words_for_those_who_listen():
    inline, block = '<span class="math x">\\(a &lt; b\\)</span>', '<div class="math x">\n\\[\\mu_1\\]</div>'
    page = f"<p>Where {inline} and</p>{block}"
    found = [of(match) for match in FORMULA.finditer(page)]
    assert found == [("a < b", False), (r"\mu_1", True)]
    made = typeset(found)
    for formula in made["formulas"]:
        assert formula.startswith("<mjx-container")
        assert "<svg" in formula
        assert "<math" in formula
        assert not ERROR.search(formula)
    assert all(outline.startswith("<path") for outline in made["glyphs"].values())


def test_bad_tex_is_an_error():
    for tex in (r"\nonsense", r"\frac{1}", r"\begin{nowhere}"):
        assert ERROR.search(typeset([(tex, False)])["formulas"][0])


def test_a_formula_keeps_its_glyphs_and_loses_groups_of_one():
    fat = (
        '<g transform="scale(1,-1)"><g data-mml-node="mi"><use href="#a"></use></g>'
        '<g transform="translate(9,0)"><g><use href="#b"></use></g></g>'
        '<g transform="translate(3,0)"><use href="#c" transform="scale(2)"></use></g></g>'
    )
    assert lean(fat) == (
        '<g transform="scale(1,-1)"><use href="#a"></use><use href="#b" transform="translate(9,0)"></use>'
        '<g transform="translate(3,0)"><use href="#c" transform="scale(2)"></use></g></g>'
    )


def test_marks_that_are_taken_off_code_have_the_colour_of_the_text(site):
    css = (HTML / "_static" / "pygments.css").read_text(encoding="utf-8")
    for theme in ("light", "dark"):
        of = rf'html\[data-theme="{theme}"\] \.highlight'
        ground = re.search(rf"{of} \{{[^}}]*[; ]color: (#\w+)", css)[1]
        for mark in "npw":
            assert re.search(rf"{of} \.{mark} \{{ color: (#\w+) \}}", css)[1] == ground


def test_finishing_a_page_twice_changes_nothing(site):
    for path in HTML.glob("chapters/*.html"):
        text = path.read_text(encoding="utf-8")
        assert access.repaired(text) == text
        assert light.patient(text) == text
        assert light.PLAIN.sub("", text) == text


def test_addresses_in_a_style_sheet_are_seen_from_where_it_ends_up(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "basic.css").write_text("a { background: url('dot.png'); }")
    data = 'url("data:image/svg+xml,%3Csvg")'
    (tmp_path / "deep" / "theme.css").write_text(
        f'@import "../basic.css";\nb {{ src: url(f.woff), {data}; }}'
    )
    joined = light.sheet(tmp_path / "deep" / "theme.css", tmp_path)
    assert "url('./dot.png')" in joined
    assert "url(deep/f.woff)" in joined
    assert data in joined


def test_every_chip_has_its_meaning_and_its_own_place():
    known = scope.meanings(CHAPTERS.parent)
    assert all(len(meaning.split()) >= 3 for meaning in known.values())
    assert len({scope.place(name) for name in known}) == len(known)


def test_a_page_has_chips_that_lead_to_their_meaning(site):
    text = (HTML / "chapters" / "notation.html").read_text(encoding="utf-8")
    used = set()
    for path in HTML.glob("chapters/0*.html"):
        used |= set(re.findall(r'href="notation\.html#(scope-[\w-]+)"', path.read_text(encoding="utf-8")))
    assert len(used) >= 10
    for name in used:
        assert f'id="{name}"' in text


def test_a_number_from_another_page_says_whose_it_is(site):
    """Every page counts from one, so "Definition 1" alone is a different one on each."""
    other = re.compile(r'href="(?:\.\./chapters/)?[\w.]+\.html#[\w-]+"[^>]*>(?:<[^>]*>)*([^<]*)<')
    found = [
        words
        for path in HTML.glob("chapters/*.html")
        for words in other.findall(path.read_text(encoding="utf-8"))
        if counting.NUMBER.match(words)
    ]
    assert len(found) > 20  # the glossary and the notation have them
    assert all(" of " in words for words in found)


def test_a_style_sheet_keeps_what_can_match_and_nothing_else():
    css = """@import "other.css"; /* a { not: a-rule } */
.here:not(.nowhere) > p, .nowhere { content: "}"; }
.nowhere .here { color: red; }
@media (min-width: 40rem) { .nowhere { color: red; } .made-up { color: blue } }
@media print { .nowhere { color: red; } }
@keyframes turn { from { left: 0 } }"""
    kept = light.used(css, {"here", "made-"})  # a script continues the second
    assert [head for head, _ in light.rules(kept)] == [
        '@import "other.css";',
        ".here:not(.nowhere) > p, .nowhere",
        "@media (min-width: 40rem)",
        "@keyframes turn",
    ]
    assert "red" not in kept
    assert ".made-up {color: blue}" in kept


def test_icons_are_found_by_code_and_by_name_if_they_are_shown():
    css = '--pst-icon-a:"\uf0f3"; --pst-icon-b:"\uf0f4"; '
    css += 'x { content: var(--pst-icon-a) } y { content: "\\f303" }'
    assert light.icons(css) == {0xF0F3, 0xF303}


def test_a_number_and_its_percent_sign_stay_in_one_line():
    text = '<p title="3 %">At 20 % of all, and 3.5 %; a column in % </p>'
    kept = '<p title="3 %">At 20\N{NO-BREAK SPACE}% of all, and 3.5\N{NO-BREAK SPACE}%; a column in % </p>'
    assert PERCENT.sub("\N{NO-BREAK SPACE}", text) == kept


def test_scripts_of_the_theme_do_not_ask_every_box_for_its_size(site):
    text = (HTML / light.THEME).read_text(encoding="utf-8")
    assert "forEach(()=>{})" in text
    assert not light.BY_TURNS.search(text)


def test_every_page_counts_from_one_and_every_kind_for_itself():
    through_the_book = {
        "one": {"figure": {"a": (1,), "b": (2,)}, "theorem": {"t": (1,)}},
        "two": {"figure": {"d": (4,), "c": (3,)}},
    }
    assert counting.counted_by_page(through_the_book) == {
        "one": {"figure": {"a": (1,), "b": (2,)}, "theorem": {"t": (1,)}},
        "two": {"figure": {"c": (1,), "d": (2,)}},
    }


def test_a_formula_stays_in_one_line_with_its_bracket_and_its_stop():
    formula = '<span class="math notranslate"><svg></svg></span>'
    text = f"see {formula} now (if {formula} or “{formula}”), and ({formula} too)"
    parts = [f"“{formula}”),", f"({formula}"]
    done = STOPPED.sub(together, text)
    assert all(f'<span class="stopped">{part}</span>' in done for part in parts)
    assert done.count("stopped") == len(parts)
