"""What ships: the wheel, built and installed in a clean environment, finds its data."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by way of the sdist, as a release is."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(out), str(ROOT)], check=True, capture_output=True)
    (made,) = out.glob("*.whl")
    return made


def test_the_wheel_holds_data_schema_overlay_and_types(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for file in ("inference-providers.json", "inference-providers.schema.json", "importers/overlay.json", "py.typed"):
        assert f"inference_providers/{file}" in names
    assert not [name for name in names if name.startswith(("tests/", "docs/", "benchmarks/"))]
    assert wheel.stat().st_size < 500_000


def test_a_clean_install_finds_its_data_and_its_commands(wheel: Path, tmp_path: Path) -> None:
    """Only the wheel is installed: what this needs of other packages is taken from the test environment, source excluded."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", str(wheel)], check=True
    )
    code = "import inference_providers as p; print(p.__file__); print(len(p.ProviderList(environ={'OPENAI_API_KEY': 'k'}, local=False).find_model_providers('gpt-4')))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    where, count = done.stdout.split()
    assert where.startswith(str(tmp_path))
    assert count == "1"
    assert {"ask-ai", "inference-providers"} <= {path.name for path in (tmp_path / "env" / "bin").iterdir()}
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)], check=True)
    done = subprocess.run(
        [tmp_path / "env" / "bin" / "inference-providers", "registry", "validate"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.endswith("valid\n")
