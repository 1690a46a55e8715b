"""labs.widgets.source: coloured, escaped, and folded after 40 lines."""

import re
from html import unescape

from pygments.styles import get_style_by_name

from labs.charts.style import contrast
from labs.widgets import source


def text_of(html):
    return unescape(re.sub(r"<summary>.*?</summary>|<[^>]*>", "", html))


def test_every_character_of_the_source_is_there():
    code = 'int f(int a) {\n\n  /* a <b>\n   & c */ return a < 3 && "x"[0];\n}\n'
    html = source.source_html(code)
    assert text_of(html) == code.rstrip("\n")
    assert "<b>" not in html and "<details>" not in html
    assert re.search(r'<span style="color: #\w+">return</span>', html)


def test_long_source_is_folded_and_complete():
    code = "\n".join(f"int v{i} = {i}; /* open" for i in range(100))  # one comment over all lines
    html = source.source_html(code)
    head, folded = html.split("<details>")
    assert text_of(head).count("\n") == source.HEAD_LINES - 1
    assert "<summary>60 more lines</summary>" in folded
    assert text_of(head) + "\n" + text_of(folded) == code
    for block in (head, folded):  # cut between spans, not inside one
        assert block.count("<span") == block.count("</span>")


def test_leading_empty_lines_stay():
    assert text_of(source.source_html("\n\nclass A: pass\n", "python")).startswith("\n\nclass")


def test_every_colour_can_be_read_on_white():
    colours = {c["color"] for _, c in get_style_by_name(source.STYLE) if c["color"]}
    assert {c for c in colours if contrast(f"#{c}", "white") < 4.5} == set()
