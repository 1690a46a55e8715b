from labs.bench import progress_bar


def test_the_bar_goes_to_stderr_and_ends(capsys):
    show = progress_bar()
    show(0, 4, "preparing")
    show(4, 4, "complete")
    said = capsys.readouterr()
    assert said.out == "" and "complete" in said.err and "100%" in said.err


def test_nothing_is_drawn_before_there_is_progress(capsys):
    progress_bar()
    assert capsys.readouterr().err == ""
