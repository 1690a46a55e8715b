import pickle

import pytest

from labs.errors import DeviceError, LabError


def test_message_says_asked_expected_got_next():
    error = LabError(
        "open 'EDGY'", expected="one of CPU, CL", got="'EDGY'", next_step="check the spelling"
    )
    assert str(error).splitlines() == [
        "open 'EDGY'",
        "  Expected: one of CPU, CL",
        "  Got:      'EDGY'",
        "  Next:     check the spelling",
    ]


def test_message_leaves_out_what_is_not_known():
    assert str(LabError("open 'CPU'", got="a crash")) == "open 'CPU'\n  Got:      a crash"


def test_pickled_error_keeps_class_and_parts():
    back = pickle.loads(pickle.dumps(DeviceError("a", expected="b", got="c", next_step="d")))
    assert type(back) is DeviceError and (back.asked, back.next_step) == ("a", "d")


def test_notebook_shows_the_message_without_frames():
    with pytest.raises(DeviceError) as caught:
        raise DeviceError("open 'X'", got="nothing")
    assert caught.value._render_traceback_() == ["DeviceError: open 'X'\n  Got:      nothing"]
