from dataclasses import dataclass

import pytest

from labs.tables import Table, TableView


def test_text_aligns_numbers_right_and_words_left():
    text = str(
        Table("Times", ("device", "median"), (("CPU", "1 ms"), ("WEBGPU", "12 ms")), "n = 3")
    )
    assert text.splitlines() == [
        "Times",
        "device  median",
        "------  ------",
        "CPU       1 ms",
        "WEBGPU   12 ms",
        "n = 3",
    ]


def test_html_escapes_cells_and_names_columns():
    html = Table("a < b", ("x",), (("<script>",),))._repr_html_()
    assert (
        "&lt;script&gt;" in html
        and "<script>" not in html
        and 'scope="col"' in html
        and "a &lt; b" in html
    )


def test_markdown_has_pipes_alignment_and_escapes_them():
    text = Table("Times", ("device", "median"), (("a|b", "1 ms"), ("c", None)), "n = 3").markdown()
    assert text == (
        "**Times**\n\n| device | median |\n| --- | --: |\n| a\\|b | 1 ms |\n| c | – |\n\nn = 3\n"
    )


def test_missing_value_is_a_dash_and_ragged_row_is_refused():
    assert str(Table("", ("x",), ((None,),))).endswith("–")
    with pytest.raises(ValueError, match="has 1 cells, expected 2"):
        Table("", ("x", "y"), (("only",),))


def test_view_shows_its_table_and_not_what_it_holds():
    @dataclass(frozen=True, repr=False)
    class Secretive(TableView):
        path: str

        def table(self):
            return Table("", ("x",), ((1,),))

    shown = Secretive("home/folder")
    assert repr(shown) == str(shown) == str(shown.table())
    assert shown._repr_html_() == shown.table()._repr_html_()
