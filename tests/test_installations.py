"""Where the package may be installed: in a zip archive, by PyInstaller, in folders that nobody can write."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipapp
import zipfile
from pathlib import Path

import pytest

from inference_providers import installing
from inference_providers.errors import RegistryError
from inference_providers.files import folders
from inference_providers.registry.registry import package_file
from inference_providers.servers.model_files import find_all
from inference_providers.testing import tiny_model
from inference_providers.transport import WireError, tls
from inference_providers.upkeep.updater import Updater
from tests.conftest import ROOT

PACKAGE = ROOT / "inference_providers"
USE = """
import sys
import inference_providers as ip
from inference_providers.registry import problems
from inference_providers.upkeep.importers.build import load_overlay
assert load_overlay()["ids"]
mocked = ip.ProviderList(mock={"gpt-4o": "hello from elsewhere"}, environ={})
print(str(mocked.ask_ai("hi", "gpt-4o")), len(ip.ProviderList(environ={}).get_canonical_model_names()) > 500)
print(problems({"providers": {"x": 5}}) != [])
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package in a zip archive, with nothing of it anywhere else."""
    folder = tmp_path_factory.mktemp("archive")
    shutil.copytree(PACKAGE, folder / "source" / "inference_providers", ignore=shutil.ignore_patterns("__pycache__"))
    made = folder / "app.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted((folder / "source").rglob("*")):
            file.write(path, path.relative_to(folder / "source"))
    return made


def run(folder: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Without this repository on the path, but with what the package needs."""
    others = [entry for entry in sys.path if entry.endswith("site-packages")]
    path = os.pathsep.join([*filter(None, [environ.pop("FIRST", "")]), *others])
    base = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", "OLLAMA_HOST": "127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, "-P", *command], cwd=folder, env={**base, "PYTHONPATH": path, **environ},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_from_a_zip_archive_everything_is_found(archive: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "-c", USE, FIRST=str(archive))
    assert (done.returncode, done.stdout) == (0, "hello from elsewhere True\nTrue\n"), done.stderr
    valid = run(tmp_path, "-m", "inference_providers", "registry", "validate", FIRST=str(archive))
    assert valid.stdout.endswith("inference-providers.json: valid\n"), valid.stderr


def test_a_zipapp_runs(archive: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    with zipfile.ZipFile(archive) as file:
        file.extractall(source)
    (source / "__main__.py").write_text("from inference_providers.cli.main import main\nmain()\n")
    zipapp.create_archive(source, tmp_path / "app.pyz", compressed=True)
    shutil.rmtree(source)
    done = run(tmp_path, str(tmp_path / "app.pyz"), "models", "gpt-4o", OPENAI_API_KEY="canary-zip-0123456789")
    assert done.returncode == 0, done.stderr
    assert "gpt-4o" in done.stdout


def test_data_that_was_left_behind_is_told_with_what_helps() -> None:
    with pytest.raises(RegistryError, match="--collect-all inference_providers"):
        package_file(str(PACKAGE / "no-such.json"))
    with pytest.raises(RegistryError, match="belongs to this package"):
        package_file(str(PACKAGE / "__init__.py" / "no-such.json"))


def test_an_installation_that_nobody_can_write_is_used(archive: Path, tmp_path: Path) -> None:
    place = tmp_path / "installed"
    with zipfile.ZipFile(archive) as file:
        file.extractall(place)
    for path in [place, *place.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    try:
        done = run(tmp_path, "-c", USE, FIRST=str(place), HOME=str(home))
        assert (done.returncode, done.stdout) == (0, "hello from elsewhere True\nTrue\n"), done.stderr
    finally:
        for path in [place, *place.rglob("*"), home]:
            path.chmod(0o755)


def test_the_hook_for_pyinstaller_is_where_it_is_looked_for() -> None:
    (folder,) = installing.pyinstaller_hooks()
    assert (Path(folder) / "hook-inference_providers.py").is_file()
    found = importlib.metadata.EntryPoint(
        "hook-dirs", "inference_providers.installing:pyinstaller_hooks", "pyinstaller40"
    )
    assert found.load()() == [folder]
    assert "hook-dirs = inference_providers.installing:pyinstaller_hooks" in (ROOT / "setup.cfg").read_text()


def test_a_program_made_by_pyinstaller_answers(tmp_path: Path) -> None:
    pytest.importorskip("PyInstaller")
    (tmp_path / "program.py").write_text(USE)
    hooks = ["--additional-hooks-dir", *installing.pyinstaller_hooks(), "--paths", str(ROOT)]
    made = run(tmp_path, "-m", "PyInstaller", "--noconfirm", "--log-level", "ERROR", *hooks, "program.py")
    assert made.returncode == 0, made.stderr
    base = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OLLAMA_HOST": "127.0.0.1:9"}
    done = subprocess.run(
        [tmp_path / "dist" / "program" / "program"], env=base, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "hello from elsewhere True\nTrue\n"), done.stderr


# Variables with `~`, which a shell leaves as it is in quotes, in a `.env` file and in a unit of systemd


def test_a_tilde_in_a_variable_is_the_home_folder(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    assert folders.named({**environ, "A": " ~/x "}, "B", "A") == str(tmp_path / "x")
    assert folders.named({**environ, "A": "", "B": "/y"}, "A", "B") == "/y"
    assert folders.named(environ, "A") is None
    for kind, variable in (("cache", "XDG_CACHE_HOME"), ("data", "XDG_DATA_HOME")):
        assert folders.base(kind, {**environ, variable: "~/own"}) == str(tmp_path / "own")
    updater = Updater({**environ, "INFERENCE_PROVIDERS_CACHE_DIR": "~/registry"})
    assert updater.path == str(tmp_path / "registry" / "registry.json")


@pytest.mark.parametrize(
    ("variable", "below"),
    [("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub"), ("LLAMA_CACHE", "")],
)
def test_models_are_found_in_a_folder_with_a_tilde(tmp_path: Path, variable: str, below: str) -> None:
    folder = tmp_path / "models" / below
    if variable == "LLAMA_CACHE":
        folder.mkdir(parents=True)
        file = folder / "tiny.gguf"
    else:
        file = folder / "models--a--tiny" / "snapshots" / "0" / "tiny.gguf"
        file.parent.mkdir(parents=True)
    tiny_model.write(file)
    found = find_all({"HOME": str(tmp_path), variable: "~/models"})
    assert [os.path.realpath(model.path) for model in found] == [os.path.realpath(file)]


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_are_found_behind_a_tilde(tmp_path: Path, variable: str) -> None:
    import certifi

    shutil.copy(certifi.where(), tmp_path / "ca.pem")
    (tmp_path / "certs").mkdir()
    shutil.copy(certifi.where(), tmp_path / "certs" / "0a1b2c3d.0")
    place = "~/certs" if variable == "SSL_CERT_DIR" else "~/ca.pem"
    assert tls.context({"HOME": str(tmp_path), variable: place})
    with pytest.raises(WireError, match="names no certificates"):
        tls.context({"HOME": str(tmp_path / "other"), variable: place})
