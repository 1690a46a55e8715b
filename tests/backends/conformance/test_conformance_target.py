import pytest

from labs import backends
from labs.backends.conformance import Target, parse_target
from labs.errors import DeviceError


def test_parse_target_when_a_name_then_tinygrads_own():
    assert parse_target("cpu") == Target("CPU")
    assert not parse_target("CPU").own


def test_parse_target_when_the_courses_then_its_module_without_being_registered():
    assert parse_target("EDGE") == Target("EDGE", backends.COURSE_BACKENDS["EDGE"])


def test_parse_target_when_registered_then_its_module():
    backends.register("SOMEBODYS", "package.ops_somebodys", check=False)
    try:
        found = parse_target("SOMEBODYS")
    finally:
        backends.unregister("SOMEBODYS")
    assert found == Target("SOMEBODYS", "package.ops_somebodys")
    assert found.own


def test_parse_target_when_a_module_then_as_it_is():
    assert parse_target("MINE=package.ops_mine") == Target("MINE", "package.ops_mine")


def test_parse_target_when_a_file_then_its_folder_and_name(tmp_path):
    file = tmp_path / "ops_mine.py"
    file.write_text("")
    assert parse_target(f"MINE={file}") == Target("MINE", "ops_mine", (str(tmp_path),))


def test_parse_target_when_a_folder_then_the_file_named_for_the_device(tmp_path):
    for name in ("ops_mine.py", "helper.py"):
        (tmp_path / name).write_text("")
    assert parse_target(f"mine={tmp_path}").module == "ops_mine"


def test_parse_target_when_in_a_package_then_the_name_starts_at_the_outermost(tmp_path):
    folder = tmp_path / "outer" / "inner"
    folder.mkdir(parents=True)
    for place in (folder, folder.parent):
        (place / "__init__.py").write_text("")
    (folder / "ops_mine.py").write_text("")
    want = Target("MINE", "outer.inner.ops_mine", (str(tmp_path),))
    assert parse_target(f"MINE={folder}") == want


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the name ''"),
        ("CPU:1", "the name 'CPU:1'"),
        ("=x.y", "the name ''"),
        ("MINE=no/such/folder", "no such file or folder"),
        ("CPU=package.module", "tinygrad's own CPU"),
    ],
)
def test_parse_target_when_it_can_not_be_one_then_says_what_is_expected(text, words):
    with pytest.raises(DeviceError) as caught:
        parse_target(text)
    assert words in caught.value.got
    assert caught.value.next_step


def test_parse_target_when_a_folder_without_a_backend_then_the_file_to_write(tmp_path):
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text("")
    with pytest.raises(DeviceError, match=r"write .*ops_mine\.py"):
        parse_target(f"MINE={tmp_path}")
