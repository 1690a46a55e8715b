from labs.bench import Measurement, ResultSet, Round
from labs.engineering.report import make_report
from labs.widgets import report_panel


def results():
    def one(device, seconds):
        rounds = tuple(Round((seconds,) * 3, index=i) for i in range(6))
        return Measurement(
            "matmul/n=512/float32/warm/wall", device, "X", "wall", "warm", rounds,
            flop=2 * 512**3, min_bytes=3e6, run_id="r",
        )  # fmt: skip

    return ResultSet((one("CPU", 1e-2), one("CL", 5e-3)), (), {"hostname": "host-a"})


def test_panel_then_each_part_is_shown_when_chosen():
    panel = report_panel(results())
    assert "resolved at 1" in panel.content.value
    for part, words in (
        ("Best performers", "CL"),
        ("Recommendations", "another one here is faster"),
        ("Missing", "Nothing failed"),
        ("Circumstances", "host-a"),
    ):
        panel.part.value = part
        assert words in panel.content.value, part


def test_panel_then_the_profiles_have_a_chart_also_without_a_front_end():
    panel = report_panel(make_report([results()]))
    html = panel.static_html()
    assert "<img" in html
    assert "peak throughput" in html
    assert "Fastest, by section" in panel.static_text()


def test_panel_then_saved_as_a_page(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    panel = report_panel(results())
    panel.save.click()
    assert "Saved as" in panel.message.value
    assert str(tmp_path) not in panel.message.value
    assert (tmp_path / "results" / "report.html").read_text().startswith("<!doctype html>")


def test_panel_when_nothing_was_measured_then_says_how():
    panel = report_panel(devices=["CPU"])
    assert panel.save.disabled
    assert "Nothing was measured yet" in panel.content.value
    assert "CrossDevicePerformanceEngineer([&#x27;CPU&#x27;])" in panel.static_html()


def test_panel_when_a_run_gave_nothing_then_the_error_is_shown():
    panel = report_panel(ResultSet((), (), {}, "cancelled"))
    assert "measure first" in panel.message.value


def test_panel_when_measured_then_its_report(wait, monkeypatch):
    monkeypatch.setenv("COURSE_QUICK", "1")
    panel = report_panel(
        devices=["CPU"],
        sections=["reduction"],
        rounds=2,
        roofs=False,
        energy=False,
        isolated=False,
    )
    panel.button.start()
    wait(panel.button)
    assert panel.button.error is None
    assert panel.report is not None
    assert "CPU" in panel.content.value
