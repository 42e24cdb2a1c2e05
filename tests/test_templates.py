"""Templates: questions that are kept, and filled in once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from inference_providers.cli.template_options import complete_template
from inference_providers.cli.templates import templates
from inference_providers.templates.kept import TemplateError, find, names, path_of, save
from inference_providers.templates.template import Template, toml_of


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}


def written(environ: dict[str, str], name: str, text: str) -> Path:
    path = Path(path_of(name, environ))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("prompt", "typed", "values", "becomes"),
    [
        ("Summarise: $input", "a text", {}, "Summarise: a text"),
        ("Summarise.", "a text", {}, "Summarise.\n\na text"),
        ("Summarise.", "", {}, "Summarise."),
        ("", "a text", {}, "a text"),
        ("In $lang, ${lang}ish: $input", "x", {"lang": "Dutch"}, "In Dutch, Dutchish: x"),
        ("$input in ${style}", "x", {}, "x in prose"),
        ("$input costs $5 or $$input, $ 3 {name} $", "x", {}, "x costs $5 or $input, $ 3 {name} $"),
        ("$input", "$style and ${input}", {}, "$style and ${input}"),
        ("$style: $input", "x", {"style": "$input"}, "$input: x"),
        ("$input", "", {"input": "given"}, "given"),
    ],
)
def test_what_a_template_asks(prompt: str, typed: str, values: dict[str, str], becomes: str) -> None:
    template = Template("t", {"prompt": prompt, "defaults": {"style": "prose", "unused": 3}})
    assert template.prompt_with(typed, values) == becomes


@pytest.mark.parametrize(
    ("content", "typed", "values", "says"),
    [
        ({"prompt": "$a $b $c"}, "", {"b": "x"}, r"needs -p a=\.\.\. -p c=\.\.\.; \$\$ in it"),
        ({"prompt": "$a"}, "", {"a": "1", "b": "2"}, r"has no variable \$b; it has \$a"),
        ({"prompt": "x", "system": "$a"}, "", {}, r"needs -p a=\.\.\."),
        ({"prompt": "Sum: $input"}, "", {}, "is about something: give it behind the options, or on standard input"),
    ],
)
def test_what_is_missing_is_told(content: dict[str, Any], typed: str, values: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Template("t", content).prompt_with(typed, values)


def test_a_system_prompt_has_variables_too() -> None:
    template = Template("t", {"system": "You speak $lang.", "defaults": {"lang": "Dutch"}})
    assert template.variables == ["lang"]
    assert template.system_with({}) == "You speak Dutch."
    assert template.system_with({"lang": "French"}) == "You speak French."
    assert Template("t", {"prompt": "x"}).system_with({}) is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"promt": "x"}, "unknown key 'promt'; it may have prompt, system"),
        ({"prompt": 1}, "prompt must be text"),
        ({"model": [1]}, "model must be a name, or a list of names"),
        ({"tools": "x"}, "tools must be a list of texts"),
        ({"options": []}, "options must be a table"),
        ({"defaults": {"a": []}}, "defaults must be a table of variables and texts"),
        ({"schema": 3}, "schema must be text, or a table"),
        ({"system": "$input"}, "belongs into the prompt"),
    ],
)
def test_what_is_no_template(content: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Template("t", content)


def test_a_template_is_kept_and_found(environ: dict[str, str]) -> None:
    content = {
        "prompt": 'Two\nlines, """quoted""" \\ and $input',
        "system": "Be brief.",
        "model": ["gpt-4o", "claude"],
        "options": {"temperature": 0.5, "stop": ["x"]},
        "schema": {"type": "object"},
        "defaults": {"a": "b"},
        "tools": ["os.path:basename"],
        "mcp": [],
    }
    path = save("mine", content, environ)
    assert path == path_of("mine", environ)
    found = find("mine", environ)
    assert (found.prompt, found.system, found.models) == (content["prompt"], "Be brief.", ["gpt-4o", "claude"])
    assert (found.options, found.schema, found.defaults) == (content["options"], content["schema"], {"a": "b"})
    assert (found.tools, found.mcp) == (["os.path:basename"], [])
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert names(environ) == ["mine"]
    with pytest.raises(TemplateError, match=r"There is a template mine already\. `inference-providers templates edit"):
        save("mine", content, environ)
    assert "mcp" not in toml_of(content)


@pytest.mark.parametrize(
    "name",
    ["", "..", "../x", "a/b", "a\\b", ".hidden", "a..b", "-x", "x" * 65, "a\nb", "é", "a b", "x.", "/etc/passwd"],
)
def test_names_that_could_lead_elsewhere(environ: dict[str, str], name: str) -> None:
    for use in (path_of, find):
        with pytest.raises(TemplateError, match="cannot be a template's name"):
            use(name, environ)
    with pytest.raises(TemplateError, match="cannot be a template's name"):
        save(name, {"prompt": "x"}, environ)


def test_a_template_that_is_not_there_names_those_like_it(environ: dict[str, str]) -> None:
    with pytest.raises(TemplateError, match="There is none yet; `ask-ai --save NAME"):
        find("sumary", environ)
    save("summary", {"prompt": "x"}, environ)
    with pytest.raises(TemplateError, match=r"There is no template 'sumary'\. There is: summary\."):
        find("sumary", environ)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prompt = ", "is not TOML"),
        ("prompt = " + "[" * 5000, "nests too deep"),
        ("promt = 'x'", "unknown key"),
        ("#" + "x" * 1024 * 1024, "is larger than 1 MiB"),
    ],
)
def test_a_file_that_is_no_template(environ: dict[str, str], text: str, says: str) -> None:
    path = written(environ, "bad", text)
    with pytest.raises(TemplateError, match=says) as caught:
        find("bad", environ)
    assert str(path) in str(caught.value)


def test_what_others_can_write_is_not_read(environ: dict[str, str]) -> None:
    path = written(environ, "mine", "prompt = 'x'")
    path.chmod(0o666)
    with pytest.raises(TemplateError, match="can be written by everybody"):
        find("mine", environ)
    path.chmod(0o600)
    path.parent.chmod(0o777)
    with pytest.raises(TemplateError, match=r"Templates are not read: .*can be written by everybody"):
        find("mine", environ)
    path.parent.chmod(0o700)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(TemplateError, match="it is a pipe"):
        find("mine", environ)


def run(*arguments: str, **environ: str) -> Result:
    """A command of `inference-providers templates`, in this process."""
    return CliRunner().invoke(templates, list(arguments), env=environ, prog_name="inference-providers templates")


def test_the_command_that_looks_after_templates(environ: dict[str, str], tmp_path: Path) -> None:
    assert "There is no template in" in run("list", **environ).stderr
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho \'prompt = "In $lang: $input"\' >"$1"\n')
    editor.chmod(0o700)
    done = run("edit", "mine", **environ, VISUAL=str(editor))
    assert (done.exit_code, done.stdout) == (0, "")
    assert "can be used: ask-ai -t mine" in done.stderr
    assert run("show", "mine", **environ).stdout == 'prompt = "In $lang: $input"\n'
    written(environ, "bad", "promt = 'x'")
    bad, mine = json.loads(run("list", "--json", **environ).stdout)
    assert mine == {"name": "mine", "variables": ["lang"], "prompt": "In $lang: $input", "problem": ""}
    assert (bad["name"], bad["prompt"]) == ("bad", "")
    assert "unknown key 'promt'" in bad["problem"]
    assert "mine\tlang\tIn $lang: $input\t\n" in run("list", **environ).stdout
    assert run("path", **environ).stdout == f"{os.path.dirname(path_of('mine', environ))}\n"
    assert run("path", "mine", **environ).stdout == f"{path_of('mine', environ)}\n"
    assert run("remove", "mine", **environ).stderr == "Removed mine.\n"
    done = run("edit", "other", **environ, VISUAL="no-such-editor-here")
    assert done.exit_code == 1
    assert "VISUAL or EDITOR names the editor" in done.stderr
    assert run("remove", "other", **environ).exit_code == 0
    assert names(environ) == ["bad"]
    for arguments in (("show", "mine"), ("remove", "mine"), ("edit", "../x"), ("path", "../x")):
        assert run(*arguments, **environ).exit_code == 2


def test_names_are_completed(environ: dict[str, str], monkeypatch: Any) -> None:
    save("mine", {"prompt": "x"}, environ)
    save("other", {"prompt": "x"}, environ)
    monkeypatch.setenv("XDG_CONFIG_HOME", environ["XDG_CONFIG_HOME"])
    assert [one.value for one in complete_template(None, None, "m")] == ["mine"]  # type: ignore[arg-type]
