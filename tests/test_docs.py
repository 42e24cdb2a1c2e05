"""Every code block in README and docs runs; generated parts are up to date; links lead somewhere."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.running import Running
from tests.servers import Connection, Received, Server, answer
from tools import faces

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
MODELS = ["mixtral:8x7b", "llama3.3:70b", "mistral:7b", "llama3.1:8b"]


def blocks(language: str) -> list[object]:
    found = []
    for page in PAGES:
        for number, match in enumerate(
            re.finditer(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE), 1
        ):
            found.append(pytest.param(match[1], id=f"{page.name}-{number}"))
    return found


def ollama(connection: Connection, request: Received) -> None:
    """An Ollama with some models."""
    if request.path == "/":
        connection.reply(200, "Ollama is running")
    elif request.path.endswith("/models"):
        connection.reply(200, {"data": [{"id": name, "owned_by": "library"} for name in MODELS]})
    else:
        answer(connection, request)


@pytest.fixture
def environ(serve: Callable[..., Server], tmp_path: Path) -> dict[str, str]:
    """A machine with one key and an Ollama; no update server."""
    cloud, here = serve(), serve(ollama)
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8",
        "OPENAI_API_KEY": "canary-docs", "OPENAI_BASE_URL": cloud.url, "OLLAMA_HOST": f"127.0.0.1:{here.port}",
        "INFERENCE_PROVIDERS_URL": "http://127.0.0.1:9/none.json", "INFERENCE_PROVIDERS_CACHE_DIR": str(tmp_path / "cache"),
    }  # fmt: skip


@pytest.fixture
def gateway(environ: dict[str, str]) -> Iterator[Callable[[str], str]]:
    """Gives code with the address of a gateway in place of the usual one; one is started where the code names it."""
    running: list[Running] = []

    def placed(code: str) -> str:
        if "127.0.0.1:8484" not in code:
            return code
        if not running:
            environ["INFERENCE_PROVIDERS_TOKEN"] = "token-of-these-docs"
            running.append(started("inference-providers serve", environ))
        return code.replace("127.0.0.1:8484", f"127.0.0.1:{running[0].port}")

    yield placed
    for one in running:
        assert one.stop() == 0


def started(line: str, environ: dict[str, str]) -> Running:
    """A gateway that a line starts, on a port that is free."""
    command = ["bash", "-c", f"exec {line} --port 0"]
    return Running(subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True), "token-of-these-docs")


@pytest.mark.parametrize("code", blocks("python"))
def test_python_blocks_run(code: str, environ: dict[str, str], gateway: Callable[[str], str], tmp_path: Path) -> None:
    code = gateway(code)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("code", blocks("sh"))
def test_shell_blocks_run(code: str, environ: dict[str, str], gateway: Callable[[str], str], tmp_path: Path) -> None:
    """`make` is what runs this; its targets are checked to be there. A gateway is ended once it serves."""
    code = gateway(code)
    for line in filter(None, (line.partition("  #")[0].strip() for line in code.splitlines())):
        if line.startswith("make "):
            assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line
        elif line.startswith("inference-providers serve"):
            assert started(line, environ).stop() == 0
        elif not line.startswith("python -m benchmarks"):
            done = subprocess.run(
                ["bash", "-c", line],
                env=environ,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=60,
            )
            assert done.returncode == 0, f"{line}: {done.stderr}"


def test_generated_parts_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}; run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(((?!https?://|#)[^)#]+)", text):
        assert (page.parent / target).exists(), target


def anchors(page: Path) -> set[str]:
    """What a page's headings can be linked by, as GitHub makes it of them."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_headings_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target, anchor in re.findall(r"\]\((?!https?://)([^)#\s]*)#([^)]+)\)", text):
        if not anchor.startswith("inference_providers."):  # a docstring's: tests/pages/test_site.py follows it
            assert anchor in anchors(page.parent / target if target else page), f"{target}#{anchor}"


def test_the_readme_shows_numbers_that_hold() -> None:
    from inference_providers.registry.registry import bundled

    said = (ROOT / "README.md").read_text("utf-8")
    assert "1,100 models at more than 200 providers" in said
    assert len(bundled().canonical_names) >= 1100
    assert len([one for one in bundled().providers.values() if one.local is None and one.callable_names()]) > 200


def test_the_tests_that_hold_the_promises_are_there() -> None:
    import re

    named = set(re.findall(r"`((?:\w+/)?test_\w+)`", (ROOT / "docs" / "security.md").read_text("utf-8")))
    assert len(named) > 10
    assert {name for name in named if not (ROOT / "tests" / f"{name}.py").exists()} == set()


NOT_OF_TODAY = {"decisions", "architecture.md"}  # which tell of earlier paths as well


@pytest.mark.parametrize(
    "page", [page for page in PAGES if not {page.name, page.parent.name} & NOT_OF_TODAY], ids=lambda page: page.name
)
def test_files_and_modules_that_a_page_names_are_there(page: Path) -> None:
    text, package = page.read_text("utf-8"), ROOT / "inference_providers"
    files = set(re.findall(r"`([\w/]+\.py)\b", text))
    assert {name for name in files if not any((root / name).exists() for root in (ROOT, package))} == set()
    modules = set(re.findall(r"(?:`|python -m )inference_providers((?:\.[a-z_0-9]+)+)(?=`| )", text))
    paths = {name: package.joinpath(*name.split(".")[1:]) for name in modules}
    assert {name for name, path in paths.items() if not path.is_dir() and not path.with_suffix(".py").exists()} == set()


def test_every_word_of_the_glossary_is_in_use() -> None:
    glossary = ROOT / "docs" / "glossary.md"
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", glossary.read_text("utf-8"), re.MULTILINE)
    assert len(words) > 20
    assert words == sorted(words)
    assert len(set(words)) == len(words)
    files = [*(ROOT / "inference_providers").rglob("*.py"), *(page for page in PAGES if page != glossary)]
    text = re.sub(r"[\s_]+", " ", " ".join(file.read_text("utf-8") for file in files).lower())
    assert [word for word in words if not re.search(rf"\b{re.escape(word)}s?\b", text)] == []


def public_names() -> Iterator[tuple[str, object]]:
    """Every public function, class and method: of the package's face, of its folders' faces, and of the tools."""
    import inference_providers

    modules = [inference_providers, *(import_module(f"inference_providers.{name}") for name in faces.folders()), faces]
    for module in modules:
        for name in getattr(module, "__all__", None) or dir(module):
            value = getattr(module, name)
            if name.startswith("_") or not (inspect.isclass(value) or inspect.isfunction(value)):
                continue
            yield f"{module.__name__}.{name}", value
            for method, inner in vars(value).items() if inspect.isclass(value) else ():
                if not method.startswith("_") and (inspect.isfunction(inner) or isinstance(inner, property)):
                    yield f"{module.__name__}.{name}.{method}", inner


def test_everything_public_has_a_docstring() -> None:
    documented = dict(public_names())
    assert len(documented) > 300
    assert [name for name, value in documented.items() if not (getattr(value, "__doc__", "") or "").strip()] == []


def test_every_decision_is_whole_and_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| \[(\d+)\]\((\S+)\) \| (.+?) \| (\S+) \| (.+?) \|$", index, re.MULTILINE)
    records = sorted(path.name for path in folder.glob("0*.md"))
    assert [name for _, name, *_ in rows] == records
    for position, (number, name, title, date, status) in enumerate(rows, 1):
        assert int(number) == position == int(name[:4])
        text = (folder / name).read_text("utf-8")
        assert text.startswith(f"# {number}. {title}\n\n{date}. {status.capitalize()}.\n"), name
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", date)
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == ["The question", "What was compared", "The decision", "What follows"], name


def test_each_framework_in_the_docs_is_run_as_it_is_written_there() -> None:
    """And the other way round: each that is run has a row."""
    page = (ROOT / "docs" / "clients.md").read_text("utf-8")
    table = page.partition("<!-- frameworks -->")[2].partition("<!-- /frameworks -->")[0]
    rows = [line.split(" | ") for line in table.strip().splitlines()[2:]]
    files = {path.stem.removeprefix("test_"): path for path in (ROOT / "tests" / "frameworks").glob("test_*.py")}
    del files["small_model"]  # several, over one model
    found = {}
    for name, how, version in rows:
        words = re.split(r" [\d(]", name.strip("| "))[0].lower().replace(" ", "_").replace("-", "_")
        path = next(path for stem, path in files.items() if stem.replace("_", "") == words.replace("_", ""))
        text = path.read_text("utf-8")
        code = " ".join(re.findall(r"`([^`]+)`", how))
        missing = {word for word in re.findall(r"[A-Za-z]\w+", code) if word not in text}
        assert missing <= {"async_client", "client"}, (name, missing)
        assert f"with openai {version.strip('| ')}" in text
        found[name] = path
    assert set(found.values()) == set(files.values())
