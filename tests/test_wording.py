"""Messages read alike: sentences of the package's own errors and at a terminal, Python's way for Python's own errors."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference_providers import errors
from inference_providers.cli.wording import sentence, spoken
from tests.conftest import ROOT

SENTENCES = {
    *(name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, Exception)),
    *("BadParameter", "ClickException", "UsageError", "CassetteError", "MixedModelsError", "TemplateError"),
}
FRAGMENT = r"\0[\w/\0]*: "  # PROVIDER: what was said, or what it was that was said


def messages() -> Iterator[tuple[str, str, str]]:
    """(where, the class, the message) of all errors that are raised with a text, `\\0` for what is filled in."""
    for path in sorted((ROOT / "inference_providers").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                name = ast.unparse(node.exc.func).rpartition(".")[2]
                text = _text(node.exc.args[0])
                if text:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", name, text


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "\0" for part in node.values)
    if isinstance(node, ast.BinOp):
        return (_text(node.left) or "\0") + (_text(node.right) or "\0")
    return ""


def test_errors_of_the_package_are_sentences() -> None:
    found = [row for row in messages() if row[1] in SENTENCES and not re.match(FRAGMENT, row[2])]
    assert len(found) > 100
    for where, _, text in found:
        assert not re.match(r"[a-z]+ ", text) or text.startswith("api_base"), f"{where}: {text!r} begins small"
        assert re.search(r"[.?:`\0]$", text.rstrip()), f"{where}: {text!r} ends without a stop"


def test_errors_of_python_are_as_pythons_own() -> None:
    found = [row for row in messages() if row[1] in ("ValueError", "TypeError") and "/cli/" not in row[0]]
    assert len(found) > 200
    for where, _, text in found:
        assert not text.endswith(".") or ". " in text.replace("\0. ", ""), f"{where}: {text!r} ends with a stop"
        assert not re.match(r"(?:A|An|The|There|This|It) ", text), f"{where}: {text!r} begins with a capital"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("there is no file 'x'", "There is no file 'x'."),
        ("a collection's name is too long", "A collection's name is too long."),
        ("notes is not a folder", "notes is not a folder."),
        ("top_p must be from 0 to 1, not 2", "top_p must be from 0 to 1, not 2."),
        ("seed must be a whole number, not 'x'", "seed must be a whole number, not 'x'."),
        ("policy must be one of listed, random", "policy must be one of listed, random."),
        ("openai has no such model", "openai has no such model."),
        ("'foo' is no parameter (did you mean top_p?)", "'foo' is no parameter (did you mean top_p?)"),
        ("it needs a package: pip install socksio", "It needs a package: pip install socksio"),
        ("get one at https://example.com/keys", "get one at https://example.com/keys"),
        ("config.toml cannot be read", "config.toml cannot be read."),
        ("Nothing was sent.", "Nothing was sent."),
        ("it cannot be read:\n  a\n  b", "It cannot be read:\n  a\n  b."),
    ],
)
def test_a_message_of_pythons_kind_is_a_sentence_at_a_terminal(text: str, shown: str) -> None:
    assert sentence(text) == shown
    assert sentence(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("give another file, or resume=False (--no-resume)", "Give another file, or --no-resume."),
        ("what is it? input_format= (--format) takes csv", "What is it? --format takes csv."),
        ("say so with encoding= (--encoding), as cp1252", "Say so with --encoding, as cp1252."),
        ("encoding='foo' is no encoding", "--encoding 'foo' is no encoding."),
        ("or be named in a prompt (prompt=, --prompt), as in 'x'", "or be named by --prompt, as in 'x'."),
    ],
)
def test_options_are_named_as_they_are_typed(text: str, shown: str) -> None:
    assert spoken(ValueError(text)) == shown


def test_a_setting_is_named_and_not_the_variable_that_it_stands_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from inference_providers.cli.ask import main
    from inference_providers.cli.lists import environment
    from inference_providers.settings import CONFIG

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = Path(environment().stored.path(CONFIG))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('policy = "cheap"\n')
    done = CliRunner().invoke(main, ["-n", "hi"])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: policy in {path}: policy must be one of listed, ")
    assert "`inference-providers config edit` opens it." in done.stderr
    assert "Usage:" not in done.stderr and "INFERENCE_PROVIDERS_POLICY" not in done.stderr
    path.unlink()
    done = CliRunner().invoke(main, ["-n", "hi"], env={"INFERENCE_PROVIDERS_POLICY": "cheap"})
    assert "Error: INFERENCE_PROVIDERS_POLICY: policy must be one of listed, " in done.stderr
