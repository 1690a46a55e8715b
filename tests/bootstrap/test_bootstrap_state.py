import json
import os
import shutil

import pytest

from labs.bootstrap.state import (
    SetupError,
    broken_distributions,
    find_fault,
    read_record,
    write_stamp,
)


def edit_stamp(place, **changes):
    stamp = json.loads(place.stamp.read_text())
    place.stamp.write_text(json.dumps(stamp | changes))


def test_find_fault_when_complete_then_none(place):
    assert find_fault(place) is None


DAMAGE = {
    "a deleted file": lambda p: (p.site_packages / "beta/data.txt").unlink(),
    "an emptied file": lambda p: (p.site_packages / "beta/data.txt").write_text(""),
    "a deleted RECORD": lambda p: (p.site_packages / "beta-1.0.dist-info/RECORD").unlink(),
    "a cut RECORD": lambda p: (p.site_packages / "beta-1.0.dist-info/RECORD").write_text("x"),
    "no trace of a package": lambda p: shutil.rmtree(p.site_packages / "beta-1.0.dist-info"),
    "another version": lambda p: (p.site_packages / "beta-1.0.dist-info").rename(
        p.site_packages / "beta-2.0.dist-info"
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_find_fault_when_files_are_missing_then_names_the_package_and_keeps_the_rest(place, damage):
    damage(place)
    fault = find_fault(place)
    assert "beta" in fault.reason
    assert "alpha" not in fault.reason
    assert not fault.rebuild


REBUILT = {
    "its pyvenv.cfg": lambda p: (p.venv / "pyvenv.cfg").unlink(),
    "pyvenv.cfg was changed": lambda p: (p.venv / "pyvenv.cfg").write_bytes(b"\xff\x00"),
    "its Python": lambda p: p.python.unlink(),
    "is gone or was replaced": lambda p: (p.python.unlink(), p.python.write_text("not a program")),
    "its Python 3.99": lambda p: edit_stamp(p, python="3.99"),
    "made in /elsewhere": lambda p: edit_stamp(p, venv="/elsewhere"),
    "made for plan9": lambda p: edit_stamp(p, machine="plan9 mips"),
}


@pytest.mark.parametrize(("words", "damage"), REBUILT.items(), ids=REBUILT)
def test_find_fault_when_the_environment_is_no_longer_usable_then_rebuild(place, words, damage):
    damage(place)
    fault = find_fault(place)
    assert words in fault.reason
    assert fault.rebuild


UPDATED = {
    "requirements.lock": lambda p: p.lock.write_text("# other\n"),
    "package": lambda p: (p.project / "pyproject.toml").write_text(
        '[project]\nname = "tiny-course"\nversion = "0.2.0"\n'
    ),
    "did not finish": lambda p: p.stamp.unlink(),
    "earlier set-up": lambda p: p.stamp.write_text("{"),
    "an earlier set-up did not finish": lambda p: write_stamp(p, finished=False),
}


@pytest.mark.parametrize(("words", "change"), UPDATED.items(), ids=UPDATED)
def test_find_fault_when_only_the_content_differs_then_the_environment_stays(place, words, change):
    change(place)
    fault = find_fault(place)
    assert words in fault.reason
    assert not fault.rebuild


def test_find_fault_when_unfinished_and_open_to_system_packages_then_rebuild(place):
    place.stamp.unlink()
    config = place.venv / "pyvenv.cfg"
    config.write_text(config.read_text().replace("= false", "= true"))
    assert find_fault(place).rebuild


def test_find_fault_when_nothing_is_there_then_says_so(place):
    shutil.rmtree(place.venv)
    assert find_fault(place).reason == "there is no environment yet"


def test_find_fault_when_the_course_is_incomplete_then_error_names_the_file(place):
    place.lock.unlink()
    with pytest.raises(
        SetupError, match="requirements.lock.*complete copy|complete copy"
    ) as caught:
        find_fault(place)
    assert "requirements.lock" in str(caught.value)


def test_broken_distributions_when_a_reader_edited_a_file_then_only_sizes_find_it(place):
    with open(place.site_packages / "alpha/data.txt", "a") as file:
        file.write("print")
    assert broken_distributions(place.site_packages) == []
    assert [i.name for i in broken_distributions(place.site_packages, sizes=True)] == [
        "alpha-1.0.dist-info"
    ]


def test_broken_distributions_when_byte_code_is_gone_then_whole(place):
    for path in place.site_packages.rglob("*.pyc"):
        path.unlink()
    assert broken_distributions(place.site_packages, sizes=True) == []


def test_read_record_when_a_name_has_a_comma_then_it_is_one_name(tmp_path):
    info = tmp_path / "x-1.dist-info"
    info.mkdir()
    (info / "RECORD").write_text('"x/a,b.txt",sha256=1,3\nx/c.pyc,,\n')
    assert read_record(info) == [("x/a,b.txt", "3")]


@pytest.mark.skipif(os.name == "nt", reason="links to programs are POSIX's")
def test_find_fault_when_the_link_points_to_another_version_then_rebuild(place, tmp_path):
    program = tmp_path / "python3.12"
    program.write_text("#!/bin/sh\necho 3.12\n")
    program.chmod(0o755)
    place.python.unlink()
    place.python.symlink_to(program)
    assert find_fault(place).rebuild
