"""Outcomes of single calls: the hole, the reader's own line, the order of questions."""

from labs.grading.asking import ask_all, describe_error, encode_value, is_hole


def _raised(function):
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def test_is_hole_knows_the_bare_one_in_a_notebook_cell():
    namespace = {}
    text = "def f():\n    raise NotImplementedError\n\ndef g():\n    raise NotImplementedError('x')"
    exec(compile(text, "/tmp/ipykernel_1/2.py", "exec"), namespace)
    assert is_hole(_raised(namespace["f"]), namespace["f"])
    assert not is_hole(_raised(namespace["g"]), namespace["g"])


def test_is_hole_is_no_other_error():
    def answer():
        raise RuntimeError

    assert not is_hole(_raised(answer), answer)


def test_ask_all_stops_at_the_first_that_is_no_answer():
    asked = []

    def answer(n):
        asked.append(n)
        return 1 // (2 - n)

    kinds = [o.kind for o in ask_all(lambda f, n: f(n), answer, [(1,), (2,), (3,)])]
    assert kinds == ["answer", "error"] and asked == [1, 2]


def test_describe_error_when_syntax_shows_the_line():
    error = _raised(lambda: compile("x = (", "cell", "exec"))
    assert "SyntaxError" in describe_error(error, None) and "x = (" in describe_error(error, None)


def test_encode_value_when_computing_fails_is_an_error():
    assert encode_value({1}).kind == "error"
    assert encode_value([1]).wire == '{"list": [1]}'
