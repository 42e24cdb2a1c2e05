"""What ships: the wheel, built and installed in a clean environment, finds its data."""

from __future__ import annotations

import ast
import configparser
import re
import shlex
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from inference_providers import __version__, installing
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
    assert wheel.stat().st_size < 520_000


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


def test_the_wheel_holds_the_licences_of_what_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        held = {Path(name).name: file.read(name).decode() for name in file.namelist() if ".dist-info/licenses/" in name}
    assert held == {name: (ROOT / name).read_text("utf-8") for name in ("LICENSE", "NOTICE")}
    for source in ("models.dev", "LiteLLM", "pi-ai"):
        assert source in held["NOTICE"]
    assert held["NOTICE"].count("\nCopyright (c) ") == 4
    assert "Permission is hereby granted" in held["NOTICE"]


# What is declared


def declared(section: str, option: str) -> set[str]:
    """Names of the packages that setup.cfg asks for."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    lines = [line.strip() for line in setup[section][option].splitlines()]
    return {canonicalize_name(Requirement(line).name) for line in lines if line and not line.startswith("%")}


def imported(path: Path) -> set[str]:
    """Top-level modules of others that a file imports, wherever in it, unless for the type checker alone."""
    tree = ast.parse(path.read_text("utf-8"))
    typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and id(node) not in typing:
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level and id(node) not in typing:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"inference_providers"}


def test_what_the_package_imports_is_declared() -> None:
    always = declared("options", "install_requires")
    local = declared("options.extras_require", "local")
    brings = packages_distributions()
    found: set[str] = set()
    for path in (ROOT / "inference_providers").rglob("*.py"):
        for name in imported(path):
            packages = {canonicalize_name(package) for package in brings.get(name, [name])}
            if path.name == "pytest_plugin.py" and name == "pytest":  # which alone loads it
                continue
            assert packages & (always | local), f"{path.name} imports {name}"
            found |= packages
    assert {"markdown-it-py", "referencing", "certifi", "xllamacpp"} <= found


def test_the_constraints_name_one_version_of_everything_that_is_asked_for() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    exact = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    assert len(exact) == len(lines) and all(exact.values())
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    asked = [setup["options"]["install_requires"], *(setup["options.extras_require"][name] for name in ("local", "test", "dev"))]  # fmt: skip
    for line in "\n".join(asked).splitlines():
        if line.strip() and not line.startswith("%"):
            wanted = Requirement(line.strip())
            assert exact[canonicalize_name(wanted.name)] in wanted.specifier, line


# What people are told to type


def test_nothing_says_to_install_another_projects_package() -> None:
    ours = {installing.command(), installing.command("local")}
    said = []
    for path in sorted(ROOT.rglob("*")):
        first, name = path.relative_to(ROOT).parts[0], path.name
        ours_to_say = first in (".github", ".ci") or not first.startswith((".", "tests", "build", "dist"))
        if path.is_file() and ours_to_say and path.suffix not in (".pyc", ".whl") and name != "installing.py":
            text = path.read_bytes().decode("utf-8", "replace")
            said += re.findall(r"""pip install [^`\n]*inference[_-]providers[^`\s"]*""", text)
            assert not re.search(r"\binstall '?inference[_-]providers", text) or not installing.UNPUBLISHED, path
    assert said, "the README says how to install it"
    assert set(said) <= ours


def test_what_an_extra_brings_is_named_where_it_is_missing() -> None:
    from inference_providers.registry import bundled

    local = declared("options.extras_require", "local")
    assert set(installing.LOCAL.removeprefix("pip install ").split()) == local
    rows = [way for engine in bundled().engines for way in (bundled().providers[engine].local or {})["launch"]]
    own = [way["install"] for way in rows if "xllamacpp" in way.get("install", "")]
    assert own and all(re.match(r"pip install xllamacpp\b", text) for text in own)


def test_an_install_command_names_a_wheel_that_is_there(wheel: Path) -> None:
    """What the README says installs this package, with its extra, from a folder that holds the wheel."""
    if not installing.UNPUBLISHED:
        pytest.skip("it is installed by its name")
    for extra in ("", "local"):
        (given,) = shlex.split(installing.command(extra).removeprefix("pip install "))
        assert (wheel.parent / given.removesuffix(f"[{extra}]")).is_file()
        pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--quiet", "--disable-pip-version-check", "--ignore-installed"]  # fmt: skip
        subprocess.run([*pip, given], cwd=wheel.parent, check=True, capture_output=True)


# Releases


@pytest.mark.parametrize(
    ("unpublished", "tag", "told"),
    [
        (True, f"v{__version__}", "belongs to another project"),
        (False, f"v{__version__}", ""),
        (False, "v99.0.0", f"this is version {__version__}"),
        (False, "", f"this is version {__version__}"),
    ],
)
def test_a_release_is_refused_until_the_name_is_ours(tmp_path: Path, unpublished: bool, tag: str, told: str) -> None:
    package = tmp_path / "inference_providers"
    package.mkdir()
    for name in ("__init__.py", "installing.py"):
        text = (ROOT / "inference_providers" / name).read_text("utf-8")
        (package / name).write_text(re.sub(r"(?m)^UNPUBLISHED = \w+", f"UNPUBLISHED = {unpublished}", text), "utf-8")
    job = workflow("release.yml")["jobs"]["allowed"]
    (step,) = [step["run"] for step in job["steps"] if "run" in step]
    done = subprocess.run(
        ["bash", "-ec", step], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "GITHUB_REF_NAME": tag},
    )  # fmt: skip
    assert done.returncode == (1 if told else 0), done.stderr
    assert told in done.stderr


def workflow(name: str) -> dict[str, Any]:
    """A workflow, parsed."""
    found: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text("utf-8"))
    return found


def test_everything_in_a_release_waits_for_leave() -> None:
    jobs = workflow("release.yml")["jobs"]
    for name in set(jobs) - {"allowed"}:
        while name != "allowed":
            assert "if" not in jobs[name], "a condition could let it run after a refusal"
            name = jobs[name]["needs"]


@pytest.mark.parametrize("name", [path.name for path in sorted((ROOT / ".github" / "workflows").glob("*"))])
def test_a_workflow_has_no_more_than_it_needs(name: str) -> None:
    made = workflow(name)
    assert made["permissions"] == {}
    assert made["concurrency"]
    for job in made["jobs"].values():
        assert job["timeout-minutes"] <= 60
        assert set(job["permissions"].items()) <= {("contents", "read"), ("id-token", "write")}
        assert ("id-token" in job["permissions"]) == any("pypi-publish" in step.get("uses", "") for step in job["steps"])  # fmt: skip
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", step["uses"])
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            assert "${{" not in step.get("run", ""), "what a script gets comes by its environment"
