"""environment.yml and postBuild, written from pyproject.toml, and the check of requirements.lock.

    python -m labs.environment_files [--check]

conda and Binder read the two files; `course.py build` writes them and `course.py build --check`
fails when they differ from what pyproject.toml says. conda-forge serves what it has in a fitting
version, the rest comes from PyPI. Binder builds the environment before the course's files are
there, so the course itself is installed by postBuild.
"""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from labs.paths import PROJECT_ROOT

CONDA_PYTHON = "3.12"  # exact: repo2docker ignores a range
CHANNEL = "conda-forge"
# The direct dependencies that conda-forge has, under its name where that differs. Not here, and so
# from PyPI: tinygrad (conda-forge stays behind the pin), and the wheels that carry a compiler or a
# driver, whose files labs.toolchain knows where to find.
ON_CONDA = {
    "numpy": "numpy",
    "scipy": "scipy",
    "matplotlib": "matplotlib-base",  # without Qt
    "networkx": "networkx",
    "jupyterlab": "jupyterlab",
    "ipywidgets": "ipywidgets",
    "jupytext": "jupytext",
    "nbclient": "nbclient",
    "psutil": "psutil",
    "tqdm": "tqdm",
    "packaging": "packaging",
    "pyyaml": "pyyaml",
    "pytest": "pytest",
    "nbval": "nbval",
    "hypothesis": "hypothesis",
    "ruff": "ruff",
}

POST_BUILD = """\
#!/bin/bash
# Written by labs/environment_files.py. Binder and repo2docker run it inside the environment.
set -euo pipefail
python -m pip install --no-deps --no-build-isolation -e .
"""


def dependencies(project: Path = PROJECT_ROOT) -> tuple[Requirement, ...]:
    """The direct dependencies that pyproject.toml names."""
    return tuple(Requirement(text) for text in _table(project)["project"]["dependencies"])


def environment_yml(project: Path = PROJECT_ROOT) -> str:
    """The text of environment.yml."""
    table = _table(project)
    conda = [f"python={CONDA_PYTHON}", "pip"]
    conda += [_conda(Requirement(text)) for text in table["build-system"]["requires"]]
    pip = []
    for requirement in dependencies(project):
        on_conda = requirement.name in ON_CONDA and requirement.marker is None
        (conda if on_conda else pip).append(_conda(requirement) if on_conda else str(requirement))
    lines = [
        "# Written by labs/environment_files.py from pyproject.toml: change it there.",
        "# Afterwards: python -m pip install --no-deps --no-build-isolation -e .",
        f"name: {table['project']['name']}",
        "channels:",
        f"  - {CHANNEL}",
        "  - nodefaults",
        "dependencies:",
        *(f"  - {spec}" for spec in conda),
        "  - pip:",
        *(f'      - "{spec}"' for spec in (text.replace('"', "'") for text in pip)),
    ]
    return "\n".join(lines) + "\n"


def write(project: Path = PROJECT_ROOT) -> list[str]:
    """Write the files that differ from what they should be; one line for each."""
    messages = []
    for name, text in _differing(project):
        (project / name).write_text(text, "utf-8", newline="\n")
        (project / name).chmod(0o755 if text.startswith("#!") else 0o644)
        messages.append(f"wrote {name}")
    return messages


def check(project: Path = PROJECT_ROOT) -> list[str]:
    """What is not as pyproject.toml says, the lock included; empty when all is well."""
    drift = [f"{name} differs from pyproject.toml" for name, _ in _differing(project)]
    return drift + lock_problems(project)


def lock_problems(project: Path = PROJECT_ROOT) -> list[str]:
    """Where requirements.lock is not what pyproject.toml asks for."""
    locked = read_lock(project)
    problems = []
    for requirement in dependencies(project):
        versions = locked.get(canonicalize_name(requirement.name), [])
        wrong = [str(v) for v in versions if not requirement.specifier.contains(v)]
        if not versions:
            problems.append(f"requirements.lock lacks {requirement.name}")
        elif wrong:
            problems.append(
                f"requirements.lock has {requirement.name} {', '.join(wrong)}, "
                f"pyproject.toml asks for {requirement.specifier}"
            )
    return problems


def read_lock(project: Path = PROJECT_ROOT) -> dict[str, list[Version]]:
    """Package -> pinned versions (more than one where the platform or Python decides)."""
    locked: dict[str, list[Version]] = {}
    for line in (project / "requirements.lock").read_text("utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            try:
                requirement = Requirement(line.rstrip("\\ "))
            except InvalidRequirement:
                continue  # an option line, such as --index-url: a test of its own forbids those
            pins = [Version(pin.version) for pin in requirement.specifier]
            locked.setdefault(canonicalize_name(requirement.name), []).extend(pins)
    return locked


def _differing(project: Path) -> list[tuple[str, str]]:
    wanted = {"environment.yml": environment_yml(project), "postBuild": POST_BUILD}
    paths = {name: project / name for name in wanted}
    return [
        (name, text)
        for name, text in wanted.items()
        if not paths[name].exists() or paths[name].read_text("utf-8") != text
    ]


def _table(project: Path) -> dict:
    with open(project / "pyproject.toml", "rb") as file:
        return tomllib.load(file)


def _conda(requirement: Requirement) -> str:
    return ON_CONDA.get(requirement.name, requirement.name) + str(requirement.specifier)


if __name__ == "__main__":
    for line in [] if "--check" in sys.argv[1:] else write():
        print(line)
    found = check()
    print("\n".join(found) or "environment.yml, postBuild and requirements.lock agree")
    sys.exit(bool(found))
