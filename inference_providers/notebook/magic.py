"""`%ask` and `%%ask`: a question in a cell, its answer below it as it comes."""

from __future__ import annotations

import re

from inference_providers.clients import ProviderList, default_list, forget_default_list
from inference_providers.credentials import Secret
from inference_providers.errors import NoCredentialsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from inference_providers.chat import Answer

_OPTIONS = {  # by what they are called in a line; those that may be repeated are lists
    "-m": "models", "--model": "models", "-s": "system", "--system": "system", "-o": "options", "--option": "options",
    "-t": "to", "--to": "to", "-p": "providers", "--providers": "providers", "-c": "goes_on", "--continue": "goes_on",
}  # fmt: skip
_REPEATED, _FLAGS = ("models", "options"), ("goes_on",)
_WORD = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|(\S+))(?=\s|$)""")
_QUESTION = re.compile(r"^([ \t]*)%ask[ \t]+(\S.*\?)[ \t]*(\n?)$")
_NAME = re.compile(r"\{\{(\w+)\}\}|\{([^\W\d]\w*)\}")


def load_ipython_extension(shell: Any) -> None:
    """Add the magics to IPython, for `%load_ext inference_providers`."""
    from IPython.core.magic import no_var_expand  # pyright: ignore[reportMissingImports]

    asking = _Asking(shell)

    def ask(line: str, cell: str | None = None) -> None:
        """Ask a model, and show its answer as it comes.

        %ask [options] QUESTION          in a line
        %%ask [options] [QUESTION]       for all of a cell

        -m, --model NAME       a model, in any spelling; may be repeated, best first
        -s, --system TEXT      the system prompt; in quotes where it has blanks
        -o, --option KEY=VALUE a parameter: temperature=0.2, max_tokens=100, reasoning_effort=low; may be repeated
        -t, --to NAME          keep the answer in this variable; in any case it is `_` in the next cell
        -c, --continue         go on with the conversation of the last %ask
        -p, --providers NAME   ask with this ProviderList of yours
        --                     the question begins here

        {name} in the question, or in the system prompt, is the variable of that name, where there is one; {{name}} is
        the text {name}. Nothing is computed. A variable that holds an API key is refused.
        """
        asking.ask(line, cell)

    shell.register_magic_function(no_var_expand(ask), "line_cell", "ask")
    if with_question_marks not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(with_question_marks)


def with_question_marks(lines: list[str]) -> list[str]:
    """The lines of a cell, as IPython reads it; a question at whose end it would give help is one for `%ask`."""
    if lines and lines[0].startswith("%%"):
        return lines
    return [_QUESTION.sub(_call, line) for line in lines]


def _call(match: re.Match[str]) -> str:
    return f"{match[1]}get_ipython().run_line_magic('ask', {match[2]!r}){match[3]}"


class _Asking:
    """What questions of one notebook share: its variables, and the last answer."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._last: Answer | None = None

    def ask(self, line: str, cell: str | None) -> None:
        """Ask, show, and keep the answer. Raises IPython's UsageError for a wrong line."""
        try:
            given, rest = parsed(line)
            text = "\n\n".join(filter(str.strip, (rest, cell or "")))
            if not text.strip():
                raise ValueError("ask what? %ask QUESTION, or %%ask with the question below it; %ask? for more")
            if (to := given["to"]) is not None and not to.isidentifier():
                raise ValueError(f"--to wants the name of a variable, not {to!r}")
            prompt: Any = filled(text, self._shell.user_ns)
            if given["goes_on"]:
                if self._last is None:
                    raise ValueError("--continue: nothing was asked before")
                prompt = [*self._last.messages, {"role": "user", "content": prompt}]
            system = given["system"]
            options = {"system": None if system is None else filled(system, self._shell.user_ns), **given["options"]}
            stream = self._providers(given["providers"]).stream(prompt, given["models"] or None, **options)
        except (TypeError, ValueError) as error:
            _refuse(error)
        try:
            stream.show()
        except NoCredentialsError:
            forget_default_list()  # so that a key that is set or stored from now on is found
            raise
        self._keep(stream.answer, to)

    def _providers(self, name: str | None) -> ProviderList:
        if name is None:
            return default_list(settings=True)
        found = self._shell.user_ns.get(name)
        if not isinstance(found, ProviderList):
            raise TypeError(f"--providers wants a variable that is a ProviderList; {name} is {type(found).__name__}")
        return found

    def _keep(self, answer: Answer, to: str | None) -> None:
        self._last = answer
        if to is not None:
            self._shell.user_ns[to] = answer
        self._shell.displayhook.update_user_ns(answer)  # as `_`, without showing it once more


def _refuse(error: Exception) -> NoReturn:
    from IPython.core.error import UsageError  # pyright: ignore[reportMissingImports]

    raise UsageError(str(error)) from None


def parsed(line: str) -> tuple[dict[str, Any], str]:
    """(options, the rest of the line as it is). Raises ValueError for an option that there is not."""
    given: dict[str, Any] = dict.fromkeys(_OPTIONS.values()) | {"models": [], "options": {}}
    at = 0
    while (word := _WORD.match(line, at)) and (word[3] or "").startswith("-"):
        at = word.end()
        if word[3] == "--":
            break
        option, _, value = word[3].partition("=") if word[3].startswith("--") else (word[3], "", "")
        name = _OPTIONS.get(option)
        if name is None:
            raise ValueError(f"there is no {option}; before a question that begins with a dash, put --. %ask? has more")
        if name in _FLAGS:
            given[name] = True
            continue
        if not value:
            if (word := _WORD.match(line, at)) is None:
                raise ValueError(f"{option} wants a value")
            at, value = word.end(), next(part for part in word.groups() if part is not None)
        if name == "options":
            given[name] |= parameter(value)
        elif name in _REPEATED:
            given[name].append(value)
        else:
            given[name] = value
    return given, line[at:].strip()


def parameter(text: str) -> dict[str, Any]:
    """`key=value`; the value as JSON says it, else as text. Raises ValueError without `=`."""
    import json

    name, mark, value = text.partition("=")
    if not mark or not name:
        raise ValueError(f"-o wants KEY=VALUE, as temperature=0.2, not {text!r}")
    try:
        return {name: json.loads(value)}
    except ValueError:
        return {name: value}


def filled(text: str, variables: dict[str, Any]) -> str:
    """*text* with variables in the place of their names in braces; what names none stays as it is.

    Modules, functions and classes do not count as variables. Raises ValueError for one that holds an API key.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        found = variables.get(name)
        if name not in variables or callable(found) or hasattr(found, "__spec__"):
            return match[0]
        if match[1]:
            return f"{{{name}}}"
        if isinstance(found, Secret):
            raise ValueError(f"{name} holds an API key, which goes into no question")
        return str(found)

    return _NAME.sub(value, text)
