"""The rooms' doors open one way: the contract is in pyproject.toml."""

import pytest
from importlinter.cli import lint_imports

from labs.paths import PROJECT_ROOT


@pytest.mark.slow
def test_doors_then_every_import_goes_down(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(PROJECT_ROOT)
    status = lint_imports(
        config_filename=str(PROJECT_ROOT / "pyproject.toml"), cache_dir=str(tmp_path)
    )
    assert status == 0, capsys.readouterr().out


@pytest.mark.slow
def test_doors_when_one_opens_the_wrong_way_then_found(monkeypatch, tmp_path, capsys):
    contract = (PROJECT_ROOT / "pyproject.toml").read_text().replace('"labs.cli"', '"labs.errors"')
    contract = contract.replace('"labs.errors | labs.units | labs.paths"', '"labs.units"')
    (tmp_path / "upside-down.toml").write_text(contract)
    monkeypatch.chdir(PROJECT_ROOT)
    status = lint_imports(
        config_filename=str(tmp_path / "upside-down.toml"), cache_dir=str(tmp_path / "cache")
    )
    assert status == 1
    assert "labs.errors" in capsys.readouterr().out
