"""labs.widgets.run: progress, cancel, errors, and a callback that returns at once."""

import threading

import pytest

from labs import widgets
from labs.errors import MeasurementError


def test_the_callback_returns_while_the_action_runs(wait):
    go = threading.Event()
    button = widgets.run_button(lambda progress, cancel: go.wait(30) and "answer")
    button.run.click()
    assert button.running
    assert button.run.description == "Run: running" and button.run.disabled
    assert not button.cancel.disabled
    go.set()
    wait(button)
    assert button.result == "answer"
    assert button.run.description == "Run" and not button.run.disabled and button.cancel.disabled


def test_progress_moves_the_bar_and_says_what_is_done(wait):
    shown = []

    def action(progress, cancel):
        progress(3, 7, "add on <CPU>")
        shown.append((button.bar.value, button.bar.max, button.status.value))

    button = widgets.run_button(action)
    button.start()
    wait(button)
    ((value, most, text),) = shown
    assert (value, most) == (3, 7)
    assert "3 of 7: add on &lt;CPU&gt;" in text


def test_cancel_keeps_what_the_action_has(wait):
    started = threading.Event()

    def action(progress, cancel):
        started.set()
        while not cancel():
            threading.Event().wait(0.005)
        return "what was finished"

    button = widgets.run_button(action)
    button.run.click()
    assert started.wait(30)
    button.cancel.click()
    wait(button)
    assert button.result == "what was finished"
    assert "cancelled" in button.status.value


def test_a_lab_error_is_shown_in_the_panel_in_its_own_words(wait):
    def action(progress, cancel):
        raise MeasurementError("measure <x>", expected="a", got="b", next_step="c")

    button = widgets.run_button(action)
    button.result = "earlier"
    button.start()
    wait(button)
    assert isinstance(button.error, MeasurementError)
    assert "measure &lt;x&gt;" in button.message.value
    assert "Next:" in button.message.value
    assert "where it happened" not in button.message.value
    assert button.result == "earlier"
    assert not button.run.disabled


def test_any_other_error_is_shown_with_its_place(wait):
    button = widgets.run_button(lambda progress, cancel: 1 / 0)
    button.start()
    wait(button)
    assert "ZeroDivisionError: division by zero" in button.message.value
    assert "where it happened" in button.message.value


def test_a_new_run_clears_the_old_error(wait):
    answers = iter([ZeroDivisionError(), None])

    def action(progress, cancel):
        error = next(answers)
        if error:
            raise error

    button = widgets.run_button(action)
    for _ in range(2):
        button.start()
        wait(button)
    assert button.error is None and button.message.value == ""
    assert "done" in button.status.value


def test_pressing_twice_runs_once(wait):
    go, runs = threading.Event(), []
    button = widgets.run_button(lambda progress, cancel: runs.append(go.wait(30)))
    button.start()
    button.start()
    go.set()
    wait(button)
    assert runs == [True]


def test_without_a_front_end_the_button_says_that_it_needs_one():
    bundle = widgets.run_button(lambda progress, cancel: None)._repr_mimebundle_()
    assert "needs a live notebook" in bundle["text/html"]
    assert "Run button" in bundle["text/plain"]


@pytest.mark.parametrize("label", ["Measure", "Trace"])
def test_the_label_is_the_callers(label):
    assert widgets.run_button(lambda p, c: None, label=label).run.description == label
