import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from labs import jupyter
from labs.paths import PROJECT_ROOT


def test_arguments_then_local_and_on_the_first_notebook():
    line = jupyter.arguments(port=None, ip="127.0.0.1", browser=True)
    assert f"--ServerApp.root_dir={PROJECT_ROOT}" in line
    assert "--ServerApp.ip=127.0.0.1" in line
    assert "--no-browser" not in line
    assert not [part for part in line if "port" in part or "token" in part]


def test_arguments_when_asked_then_passed_on():
    line = jupyter.arguments(port=9, ip="0.0.0.0", browser=False)
    assert {"--ServerApp.port=9", "--ServerApp.ip=0.0.0.0", "--no-browser"} <= set(line)


def test_environment_then_jupyter_stays_in_the_course_unless_told_otherwise(monkeypatch, tmp_path):
    for name in ("JUPYTER_CONFIG_DIR", "IPYTHONDIR", "JUPYTER_CONFIG_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    ours = jupyter.environment()
    assert Path(ours["IPYTHONDIR"]).is_relative_to(tmp_path)
    assert ours["JUPYTER_CONFIG_PATH"] == str(jupyter.CONFIG)
    monkeypatch.setenv("IPYTHONDIR", "/mine")
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/site")
    ours = jupyter.environment()
    assert "IPYTHONDIR" not in ours
    assert ours["JUPYTER_CONFIG_PATH"].split(os.pathsep) == [str(jupyter.CONFIG), "/site"]


@pytest.mark.slow
def test_lab_with_an_empty_home_then_it_serves_the_course_without_news(tmp_path):
    (tmp_path / "home").mkdir()
    variables = {n: t for n, t in os.environ.items() if not n.startswith(("JUPYTER", "IPYTHON"))}
    variables |= {"HOME": str(tmp_path / "home"), "COURSE_HOME": str(tmp_path / "state")}
    command = [sys.executable, "-m", "labs.cli", "lab", "--no-browser", "--port", "18888"]
    with open(tmp_path / "log", "w+") as log:
        process = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
        try:
            page = fetch_when_ready(process, tmp_path / "log")
        finally:
            process.terminate()
            process.wait(30)
    config = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.S)[1])
    assert "@jupyterlab/apputils-extension:announcements" in config["disabledExtensions"]
    assert config["serverRoot"] == str(PROJECT_ROOT)
    if (PROJECT_ROOT / jupyter.FIRST_NOTEBOOK).exists():
        assert config["treePath"] == jupyter.FIRST_NOTEBOOK
    assert list((tmp_path / "home").iterdir()) == []


def fetch_when_ready(process: subprocess.Popen, log: Path) -> str:
    for _ in range(600):
        found = re.search(r"http://127\.0\.0\.1:\d+/lab\S*\?token=\w+", log.read_text())
        if found:
            with suppress(urllib.error.URLError):  # its address is logged before it is served
                with urllib.request.urlopen(found[0], timeout=30) as answer:
                    return answer.read().decode()
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())
