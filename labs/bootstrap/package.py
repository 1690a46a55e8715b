"""The course itself as an installed package, in editable mode, without a build system.

`pip install -e .` would download setuptools, or need it in every environment. What it produces for
a pure Python project is a wheel with one .pth file (PEP 660), which the standard library can write.
An installer then makes the console scripts, which are .exe files on Windows and need care where the
path has a space.

Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

import base64
import hashlib
import os
import tomllib
import zipfile
from pathlib import Path


def read_project(project: Path) -> dict[str, object]:
    """Name, version, scripts and folder: what the installed package is made from."""
    with open(project / "pyproject.toml", "rb") as file:
        table = tomllib.load(file)["project"]
    return {
        "name": table["name"],
        "version": table["version"],
        "scripts": table.get("scripts", {}),
        "folder": str(project),
    }


def write_editable_wheel(project: Path, folder: Path) -> Path:
    """Write the wheel into the folder and return its path."""
    facts = read_project(project)
    name = str(facts["name"]).replace("-", "_")
    info = f"{name}-{facts['version']}.dist-info"
    scripts = "".join(f"{key} = {value}\n" for key, value in facts["scripts"].items())
    files = {
        # Not a path line: those are read in the locale's encoding. This one is plain ASCII.
        f"_{name}.pth": f"import os, sys; sys.path.append(os.fsdecode({os.fsencode(project)!r}))\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\n"
        f"Name: {facts['name']}\nVersion: {facts['version']}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: course\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{scripts}",
    }
    record = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    wheel = folder / f"{name}-{facts['version']}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
