"""HTML of tables and documents."""

import re

from expectations.site.markup import Grid, Shown, document, link, paragraph, table

MARKUP = "<script>alert(1)</script>"


def test_every_value_is_text() -> None:
    """In headings, names of rows, cells, titles, sentences and addresses."""
    grid = Grid(MARKUP, (MARKUP, MARKUP), [[MARKUP, MARKUP]])
    made = document(MARKUP, [table(grid), paragraph(MARKUP), link(f'"{MARKUP}', MARKUP)])
    assert MARKUP not in made
    assert made.count("&lt;script&gt;") >= 8


def test_numbers_are_aligned_and_sorted_by_their_value() -> None:
    """A column is one of numbers if all that is in it are; what is absent does not matter."""
    grid = Grid("t", ("name", "rows", "mixed"), [["a", Shown("1.50 %", 0.015), 1], ["b", None, "x"]])
    made = table(grid, sortable=True)
    assert '<th scope="col" class="number">rows</th>' in made
    assert '<td class="number" data-value="0.015">1.50 %</td>' in made
    assert '<th scope="col">mixed</th>' in made


def test_a_table_without_rows_has_its_headings() -> None:
    """It is no error."""
    assert '<th scope="col">name</th>' in table(Grid("t", ("name",), []))


def test_code_in_a_sentence_is_shown_as_code() -> None:
    """What stands between backticks, and still as text."""
    assert paragraph("run `a <b>` now") == "<p>run <code>a &lt;b&gt;</code> now</p>"


def test_a_page_that_can_be_sorted_has_the_one_script_that_its_policy_allows() -> None:
    """Others have none."""
    plain, sorting = (document("t", [table(Grid("t", ("a",), [["b"]]), sortable=s)]) for s in (False, True))
    assert "<script" not in plain
    assert sorting.count("<script") == 1
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}'", plain)
