import base64
import csv
import hashlib
import os
import subprocess
import sys
import zipfile

from labs.bootstrap.package import write_editable_wheel

PYPROJECT = '[project]\nname = "my-course"\nversion = "1.2"\n[project.scripts]\nrun = "labs:main"\n'


def test_write_editable_wheel_then_its_record_describes_it(tmp_path):
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    wheel = write_editable_wheel(tmp_path, tmp_path)
    assert wheel.name == "my_course-1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        rows = csv.reader(archive.read("my_course-1.2.dist-info/RECORD").decode().splitlines())
        for name, digest, size in rows:
            content = archive.read(name)
            if name.endswith("RECORD"):
                continue
            found = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            assert (digest, size) == (f"sha256={found.decode()}", str(len(content)))
        scripts = archive.read("my_course-1.2.dist-info/entry_points.txt").decode()
    assert scripts == "[console_scripts]\nrun = labs:main\n"


def test_write_editable_wheel_when_the_path_is_not_ascii_then_found_in_any_locale(tmp_path):
    project = tmp_path / "Übung ß"
    project.mkdir()
    (project / "pyproject.toml").write_text(PYPROJECT)
    (project / "from_umlauts.py").write_text("print('here')")
    site = tmp_path / "site"
    with zipfile.ZipFile(write_editable_wheel(project, tmp_path)) as archive:
        archive.extractall(site)
    code = f"import site; site.addsitedir({str(site)!r}); import from_umlauts"
    answer = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env=os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        text=True,
    )
    assert answer.stdout.strip() == "here", answer.stderr
