import json
from xml.etree import ElementTree

import pytest

from labs import cli
from labs.paths import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "tests" / "backends" / "faulty"


@pytest.mark.slow
def test_conformance_when_all_pass_then_status_0_and_the_files(tmp_path, capsys):
    files = {kind: tmp_path / f"report.{kind}" for kind in ("json", "junit", "html")}
    options = [part for kind, file in files.items() for part in (f"--{kind}", str(file))]
    status = cli.main(["conformance", "CPU", "--group", "open", "--size", "small", *options])
    out = capsys.readouterr().out
    assert status == 0
    assert "score 1.000" in out
    assert json.loads(files["json"].read_text())["passed"] == 10
    assert ElementTree.parse(files["junit"]).getroot().attrib["failures"] == "0"
    assert "Conformance of CPU" in files["html"].read_text()


@pytest.mark.slow
def test_conformance_when_some_fail_then_status_1_and_json_alone_on_stdout(capsys):
    target = f"COPYTAIL={FOLDER / 'memory.py'}"
    assert cli.main(["conformance", target, "--group", "copy/in-out/*", "--json", "-"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["failed"] > 5
    assert {f["case"].partition("/")[0] for f in answer["failures"]} == {"copy"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["--json", "no/such/folder/x.json"], "a file in a folder that exists"),
        (["--size", "huge"], "full or small"),
        (["--group", "elbow"], "allocator"),
    ],
    ids=["folder", "size", "group"],
)
def test_conformance_when_an_option_is_wrong_then_status_2_and_what_is_expected(
    line, words, capsys
):
    assert cli.main(["conformance", "CPU", *line]) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert out == ""
