import json
import re
import shutil

import pytest
import yaml
from packaging.requirements import Requirement

from labs import environment_files
from labs.environment_files import ON_CONDA, check, dependencies, environment_yml, read_lock, write
from labs.paths import PROJECT_ROOT

rattler = pytest.importorskip("rattler", reason="pip install py-rattler")


@pytest.fixture
def project(tmp_path):
    for name in ("pyproject.toml", "requirements.lock", "environment.yml", "postBuild"):
        shutil.copy(PROJECT_ROOT / name, tmp_path)
    return tmp_path


def conda_specs(text: str) -> list[str]:
    return [spec for spec in yaml.safe_load(text)["dependencies"] if isinstance(spec, str)]


def pip_specs(text: str) -> list[str]:
    return next(
        spec["pip"] for spec in yaml.safe_load(text)["dependencies"] if isinstance(spec, dict)
    )


def test_write_check_when_committed_then_nothing_differs():
    assert check() == []


@pytest.mark.parametrize("name", ["environment.yml", "postBuild"])
def test_write_when_a_file_drifted_or_is_gone_then_check_names_it_and_write_mends_it(project, name):
    (project / name).write_text((project / name).read_text() + "# by hand\n")
    assert any(name in message for message in check(project))
    assert write(project) == [f"wrote {name}"]
    assert check(project) == []
    (project / name).unlink()
    assert any(name in message for message in check(project))


def test_write_when_pyproject_changes_then_environment_and_lock_say_so(project):
    path = project / "pyproject.toml"
    text = path.read_text().replace('"numpy>=2.1"', '"numpy>=99"')
    path.write_text(text.replace('"psutil>=6"', '"psutil>=6", "polars>=2025"'))
    drift, numpy, polars = check(project)
    assert drift == "environment.yml differs from pyproject.toml"
    assert numpy.startswith("requirements.lock has numpy 2.")
    assert numpy.endswith("pyproject.toml asks for >=99")
    assert polars == "requirements.lock lacks polars"


def test_environment_yml_then_every_dependency_is_there_once():
    text = environment_yml()
    conda = {rattler.MatchSpec(spec, strict=True).name.normalized for spec in conda_specs(text)}
    pip = {Requirement(spec).name for spec in pip_specs(text)}
    for requirement in dependencies():
        on_conda = ON_CONDA.get(requirement.name) in conda
        assert on_conda != (requirement.name in pip), requirement
    assert "tinygrad==0.14.0" in pip_specs(text)
    assert conda_specs(text)[0] == "python=3.12"
    assert yaml.safe_load(text)["channels"] == ["conda-forge", "nodefaults"]


def test_environment_yml_then_conda_accepts_the_locked_version_and_not_an_older_one():
    """Offline: that the environment can be solved is for conda to say."""
    locked, pypi_name = read_lock(), {conda: name for name, conda in ON_CONDA.items()}
    asked = {requirement.name: requirement.specifier for requirement in dependencies()}
    checked = 0
    for spec in conda_specs(environment_yml()):
        match = rattler.MatchSpec(spec, strict=True)
        name = pypi_name.get(match.name.normalized)
        if name is None:
            continue
        accepts = rattler.VersionSpec(str(match.version))
        for version in [*map(str, locked[name]), "0.0.1", "99.0"]:
            same = asked[name].contains(version)
            assert accepts.matches(rattler.Version(version)) == same, (spec, version)
        assert any(accepts.matches(rattler.Version(str(version))) for version in locked[name])
        checked += 1
    assert checked == len(ON_CONDA)


@pytest.mark.parametrize("spec", ["numpy >=>2", "numpy[", "matplotlib==>1"])
def test_rattler_when_a_spec_is_wrong_then_refused(spec):
    with pytest.raises(Exception, match=r".+"):
        rattler.MatchSpec(spec, strict=True)


def test_lock_then_every_package_has_hashes_and_no_line_is_an_address():
    text = (PROJECT_ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert "--index" not in text.replace("--no-emit-index-url", "")
    blocks = re.split(r"\n(?=[a-z0-9])", text)[1:]
    assert len(blocks) > 100
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_post_build_then_it_needs_no_network_and_can_be_run():
    assert "--no-deps --no-build-isolation -e ." in environment_files.POST_BUILD
    assert (PROJECT_ROOT / "postBuild").stat().st_mode & 0o100


def test_ci_then_workflow_and_dev_container_use_the_readers_commands():
    workflow = yaml.safe_load((PROJECT_ROOT / ".github/workflows/test.yml").read_text())
    steps = [step.get("run", "") for step in workflow["jobs"]["test"]["steps"]]
    assert "python course.py test" in steps
    run = (PROJECT_ROOT / ".ci/run").read_text()
    assert 'exec "$python" course.py test "$@"\n' in run
    container = json.loads((PROJECT_ROOT / ".devcontainer/devcontainer.json").read_text())
    assert "course.py" in container["postCreateCommand"]
