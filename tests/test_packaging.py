"""What ships: the wheel, built and installed in a clean environment, finds its data."""

from __future__ import annotations

import ast
import configparser
import email
import email.policy
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from inference_providers import __version__, installing
from tests import lowest, tidy
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
    for file in (
        "inference-providers.json",
        "inference-providers.schema.json",
        "servers/open_models.json",
        "gateway/page/static/style.css",
        "upkeep/importers/overlay.json",
        "upkeep/importers/endpoints.json",
        "_pyinstaller/hook-inference_providers.py",
        "py.typed",
    ):
        assert f"inference_providers/{file}" in names
    assert not [name for name in names if name.startswith(("tests/", "docs/", "benchmarks/"))]
    assert wheel.stat().st_size < 1_850_000


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


def test_the_page_of_a_package_has_no_link_to_a_file(wheel: Path) -> None:
    """An index shows README alone: its links and pictures are addresses, of files that there are."""
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(file.read(name), policy=email.policy.default)
    (source,) = (url.removeprefix("Source, ") for url in metadata.get_all("Project-URL") if url.startswith("Source, "))
    text = metadata.get_content()
    assert text.startswith("# inference_providers\n")
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)\s]+)", text)
    assert [link for _, link in links if not link.startswith(("https://", "#"))] == []
    ours = [(picture, link.removeprefix(f"{source}/")) for picture, link in links if link.startswith(source)]
    assert len(ours) > 20
    for picture, path in ours:
        kind, branch, file_name = path.split("/", 2)
        assert (kind, branch) == ("raw" if picture else "blob", "main")
        assert (ROOT / file_name).exists(), file_name


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


# What is imported only where it is: by what it loads, where it runs already, or at a call that is for it.
ALONE_LOAD = {
    ("pytest_plugin.py", "pytest"), ("hook-inference_providers.py", "PyInstaller"), ("cells.py", "IPython"), ("magic.py", "IPython"),
    ("table.py", "pandas"),
}  # fmt: skip


def test_what_the_package_imports_is_declared() -> None:
    always = declared("options", "install_requires")
    named = ("local", "socks", "vertex", "keyring", "gateway", "mcp", "redis", "ray")
    extras = {name for extra in named for name in declared("options.extras_require", extra)}
    brings = {"google": ["google-auth"], **packages_distributions(), "pyarrow": ["ray"]}
    found: set[str] = set()
    for path in (ROOT / "inference_providers").rglob("*.py"):
        for name in imported(path):
            packages = {canonicalize_name(package) for package in brings.get(name, [name])}
            if (path.name, name) in ALONE_LOAD:
                continue
            assert packages & (always | extras), f"{path.name} imports {name}"
            found |= packages
    assert {"markdown-it-py", "referencing", "certifi", "xllamacpp"} <= found


def test_the_constraints_name_one_version_of_everything_that_is_asked_for() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    exact = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    assert len(exact) == len(lines) and all(exact.values())
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    asked = [setup["options"]["install_requires"], *(setup["options.extras_require"][name] for name in ("local", "socks", "vertex", "keyring", "gateway", "mcp", "test", "prices", "dev"))]  # fmt: skip
    for line in "\n".join(asked).splitlines():
        if line.strip() and not line.startswith("%"):
            wanted = Requirement(line.strip())
            assert exact[canonicalize_name(wanted.name)] in wanted.specifier, line


def test_every_requirement_has_a_lower_bound_that_can_be_tried() -> None:
    lines = lowest.constraints()
    names = [line.partition("==")[0] for line in lines]
    assert {"openai", "pydantic", "rich", "click", "certifi"} <= set(names)
    assert len(names) == len({canonicalize_name(name) for name in names})
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)


# Linters


def makefile() -> dict[str, str]:
    """The commands of each target of the Makefile."""
    text = (ROOT / "Makefile").read_text("utf-8")
    return {name: commands for names, commands in re.findall(r"^([^\s:#][^:=\n]*):(?!=)[^\n]*\n((?:\t.*\n)*)", text, re.M) for name in names.split()}  # fmt: skip


def test_linters_are_of_the_versions_that_are_written_down() -> None:
    exact = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if "==" in line
    )
    assert {"mypy", "ruff", "types-jsonschema", "types-psutil", "types-pyyaml"} <= {
        canonicalize_name(name) for name in exact
    }
    assert "-c $(CONSTRAINTS) -e '.[test,dev]'" in makefile()["$(VENV)/.dev"]
    for name in ("mypy", "ruff"):
        with suppress(PackageNotFoundError):
            assert version(name) == exact[name]


def test_what_runs_before_a_commit_is_what_make_lint_runs() -> None:
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert repo["repo"] == "local", "a repository of hooks would bring versions of its own"
    assert all(hook["language"] == "system" and hook["entry"] == f"make {hook['id']}" for hook in repo["hooks"])
    text = (ROOT / "Makefile").read_text("utf-8")
    (parts,) = re.findall(r"^lint: (.*)$", text, re.MULTILINE)
    assert [hook["id"] for hook in repo["hooks"]] == parts.split()
    ran = "".join(makefile()[part] for part in parts.split())
    assert [tool for tool in ("ruff check", "ruff format --check", "mypy", "tests/tidy.py") if tool not in ran] == []


def test_files_are_tidy() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a clone")
    assert tidy.problems() == []
    assert tidy.problem("a", b"text") and tidy.problem("a", b"text\n\n") and tidy.problem("a", b"a\r\n")
    assert tidy.problem("a", bytes(2 * tidy.LARGEST))
    assert not tidy.problem("a", b"text\n") and not tidy.problem("a", b"") and not tidy.problem("a", b"\0")


def test_tests_that_workflows_and_targets_name_are_there() -> None:
    named = re.findall(r"tests/test_\w+\.py", (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8"))
    text = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")
    (fast,) = re.findall(
        r"^LOWEST_TESTS := \$\(addprefix tests/test_,\$\(addsuffix \.py,([\w ]+)\)\)", text, re.MULTILINE
    )
    named += [f"tests/test_{name}.py" for name in fast.split()]
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).is_file()] == []


# What people are told to type


EXTRAS = ("", "local", "gateway")


def test_nothing_says_to_install_another_projects_package() -> None:
    ours = {installing.command(extra) for extra in EXTRAS}
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
    from inference_providers.registry.registry import bundled

    local = declared("options.extras_require", "local")
    assert set(installing.SOCKS.removeprefix("pip install ").split()) == declared("options.extras_require", "socks")
    assert set(installing.VERTEX.removeprefix("pip install ").split()) == declared("options.extras_require", "vertex")
    assert set(installing.KEYRING.removeprefix("pip install ").split()) == declared("options.extras_require", "keyring")
    assert set(installing.MCP.removeprefix("pip install ").split()) | {"anyio"} == declared(
        "options.extras_require", "mcp"
    )
    assert set(installing.LOCAL.removeprefix("pip install ").split()) == local
    rows = [way for engine in bundled().engines for way in (bundled().providers[engine].local or {})["launch"]]
    own = [way["install"] for way in rows if "xllamacpp" in way.get("install", "")]
    assert own and all(re.match(r"pip install xllamacpp\b", text) for text in own)


def test_an_install_command_names_a_wheel_that_is_there(wheel: Path) -> None:
    """What the README says installs this package, with its extra, from a folder that holds the wheel."""
    if not installing.UNPUBLISHED:
        pytest.skip("it is installed by its name")
    for extra in EXTRAS:
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


# What single jobs may do beyond checking out; `id-token` is to be known to PyPI, or to who signs.
RIGHTS = {
    ("release.yml", "publish"): {("id-token", "write")},
    ("release.yml", "announce"): {("contents", "write")},
    ("release.yml", "image"): {("contents", "read"), ("packages", "write")},
    ("nightly.yml", "propose"): {("contents", "write"), ("pull-requests", "write")},
    ("attest.yml", "attest"): {("contents", "read"), ("id-token", "write"), ("attestations", "write")},
}
SIGNERS = ("pypi-publish", "attest-build-provenance")


@pytest.mark.parametrize("name", [path.name for path in sorted((ROOT / ".github" / "workflows").glob("*"))])
def test_a_workflow_has_no_more_than_it_needs(name: str) -> None:
    made = workflow(name)
    assert made["permissions"] == {}
    assert made["concurrency"]
    for called, job in made["jobs"].items():
        assert job["timeout-minutes"] <= 60
        assert set(job["permissions"].items()) == RIGHTS.get((name, called), {("contents", "read")})
        signs = any(signer in step.get("uses", "") for step in job["steps"] for signer in SIGNERS)
        assert ("id-token" in job["permissions"]) == signs
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", step["uses"])
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            assert "${{" not in step.get("run", ""), "what a script gets comes by its environment"


# A clone without symbolic links


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone as on Windows, where git writes a symbolic link as a text file; with what is not committed yet."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a clone")
    made = tmp_path_factory.mktemp("clone") / "repository"
    subprocess.run(
        ["git", "clone", "--quiet", "-c", "core.symlinks=false", str(ROOT), str(made)], check=True, capture_output=True
    )
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if not (ROOT / name).is_symlink() and (ROOT / name).is_file():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, made / name)
    return made


LINKED = ("inference-providers.json", "inference-providers.schema.json")
ASK_THE_CLONE = """
import os
from inference_providers import __file__ as where
from inference_providers.registry import bundled
from inference_providers.registry.schema import problems
print(where, len(bundled().providers), problems({"providers": 1}))
"""


def test_a_clone_without_symbolic_links_finds_its_data(clone: Path) -> None:
    for name in LINKED:
        assert (clone / "inference_providers" / name).stat().st_size < 100
    done = subprocess.run(
        [sys.executable, "-c", ASK_THE_CLONE], cwd=clone, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(clone), "PATH": os.environ["PATH"]},
    )  # fmt: skip
    where, count, problem = done.stdout.split(maxsplit=2)
    assert Path(where).is_relative_to(clone)
    assert int(count) > 50
    assert "$.providers" in problem
    done = subprocess.run(
        [sys.executable, "-m", "inference_providers.cli.main", "registry", "validate"], cwd=clone, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(clone), "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.stdout.endswith("valid\n")


def test_what_is_built_from_a_clone_without_symbolic_links_holds_the_data(clone: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(tmp_path), str(clone)], check=True, capture_output=True
    )
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "straight"), str(clone)],
        check=True, capture_output=True,
    )  # fmt: skip
    (through_sdist,), (straight,), (source,) = (
        tmp_path.glob("*.whl"),
        tmp_path.glob("straight/*.whl"),
        tmp_path.glob("*.tar.gz"),
    )
    for name in LINKED:
        real = (ROOT / "inference_providers" / name).read_bytes()
        for wheel in (through_sdist, straight):
            assert zipfile.ZipFile(wheel).read(f"inference_providers/{name}") == real
        with tarfile.open(source) as file:
            (member,) = [one for one in file.getmembers() if one.name.endswith(f"/inference_providers/{name}")]
            held = file.extractfile(member)
            assert held is not None and held.read() == real


@pytest.mark.parametrize(
    ("text", "followed"),
    [
        ("../data.json", True),
        ("../more/data.json\n", True),
        ("../other.json", False),
        ("../../data.json", False),
        ("/etc/data.json", False),
        ("..\\data.json", False),
        ("data.json", False),
        ("../missing/data.json", False),
        ("{}", False),
        ("", False),
        ("../data.json\0", False),
    ],
)
def test_a_links_text_is_followed_to_the_same_name_in_the_repository_only(
    tmp_path: Path, text: str, followed: bool
) -> None:
    from inference_providers.registry.registry import linked

    for name in ("data.json", "repository/data.json", "repository/more/data.json", "repository/other.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", "utf-8")
    link = tmp_path / "repository" / "package" / "data.json"
    link.parent.mkdir()
    link.write_text(text, "utf-8")
    assert (linked(str(link)) != str(link)) == followed
