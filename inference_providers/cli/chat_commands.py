"""What a line that begins with a slash does in a chat."""

from __future__ import annotations

import json
import os
from collections import namedtuple
from difflib import get_close_matches

from inference_providers.cli.chat_talk import named
from inference_providers.cli.output import listed, on_terminal
from inference_providers.cli.wording import spoken
from inference_providers.errors import InferenceProvidersError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NamedTuple

    from inference_providers.cli.chat_talk import Talk

    class Command(NamedTuple):
        """A command: its name, what it takes, what it does, what completes it, and the function for it."""

        name: str
        argument: str
        what: str
        completes: str
        work: Callable[[Talk, str], None] | None

else:
    Command = namedtuple("Command", "name argument what completes work")

_LONG = 300  # characters of what was said last that are shown


def run(talk: Talk, line: str) -> bool:
    """Run a line that begins with a slash; returns whether to go on.

    Raises what is wrong with it where nobody is there to be told: what follows was meant for something else.
    """
    name, _, rest = line.partition(" ")
    command = next((one for one in COMMANDS if one.name == name), None)
    if command is None and name != "/quit":
        near = get_close_matches(name, [one.name for one in COMMANDS], n=1)
        talk.tell(f"There is no command {name}; {f'did you mean {near[0]}? ' if near else ''}/help lists them.")
        return True
    if command is None or command.work is None:
        return False
    try:
        command.work(talk, rest.strip())
    except InferenceProvidersError as error:
        if not talk.interactive:
            raise
        talk.tell(spoken(error))
    except OSError as error:
        talk.tell(f"{rest.strip()} cannot be read: {error.strerror or error}")
    except (ValueError, TypeError) as error:
        talk.tell(spoken(error))
    return True


def _help(talk: Talk, _: str) -> None:
    rows = [(f"{one.name} {one.argument}".strip(), one.what) for one in COMMANDS]
    if talk.interactive:
        rows += KEYS
    talk.tell(listed(rows))


def _model(talk: Talk, name: str) -> None:
    if not name:
        talk.tell(" and ".join(named(branch.model) for branch in talk.branches))
        return
    _one(talk)
    talk.tell(f"Now talking to {talk.who(name)}.")
    talk.branches[0].model = name


def _beside(talk: Talk, name: str) -> None:
    if not name:
        raise ValueError("Give another model: /beside gpt-4o-mini")
    who = talk.who(name)
    talk.add_beside(name)
    talk.tell(f"Now asking {who} as well; /pick 1 or /pick 2 goes on with one of them.")


def _pick(talk: Talk, number: str) -> None:
    if len(talk.branches) == 1:
        raise ValueError("Only one model answers; /beside NAME asks another one as well.")
    if number not in ("1", "2"):
        raise ValueError("Give the number of the answer to go on with: /pick 1 or /pick 2")
    talk.pick(int(number) - 1)
    model = talk.branches[0].model
    talk.tell(f"Now talking to {named(None) if model is None else talk.who(model)}.")


def _one(talk: Talk) -> None:
    if len(talk.branches) > 1:
        raise ValueError("Two models answer; say which one goes on: /pick 1 or /pick 2")


def _system(talk: Talk, text: str) -> None:
    talk.system = text or None
    talk.tell("The system prompt is set." if text else "There is no system prompt now.")


def _file(talk: Talk, path: str) -> None:
    if not path:
        talk.attached.clear()
        talk.tell("Nothing is attached.")
        return
    told = talk.attached.add(_unquoted(path))
    if not talk.interactive or not on_terminal():  # else it stands above the prompt
        talk.tell(f"Attached: {told}")


def _save(talk: Talk, path: str) -> None:
    if not path:
        raise ValueError("Give a file: /save talk.md")
    _one(talk)
    path = _unquoted(path)
    start = [{"role": "system", "content": talk.system}] if talk.system else []
    turns = start + talk.branches[0].turns
    try:
        # Half a character is written as JSON has it.
        with open(path, "x", encoding="utf-8", errors="backslashreplace") as file:
            if path.endswith(".json"):
                json.dump({"messages": turns}, file, ensure_ascii=False, indent=1)
            else:
                file.write("".join(f"**{turn['role']}**\n\n{_words(turn)}\n\n" for turn in turns))
    except FileExistsError:
        talk.tell(f"{path} exists already; give another name.")
    except OSError as error:
        talk.tell(f"{path} cannot be written: {error.strerror}")
    else:
        talk.tell(f"Wrote {path}.")


def _load(talk: Talk, path: str) -> None:
    from inference_providers.chat import Conversation
    from inference_providers.files import read
    from inference_providers.text import jsontext

    if not path:
        raise ValueError("Give a file that /save wrote: /load talk.json")
    _one(talk)
    path = _unquoted(path)
    try:
        turns = Conversation.of(jsontext.loads(read(path))).as_messages()
    except (ValueError, TypeError):
        raise ValueError(f"{path} is not a conversation in JSON, as /save talk.json writes it.") from None
    talk.start_over()
    take_up(talk, turns)


def take_up(talk: Talk, turns: list[dict[str, Any]]) -> None:
    """Go on with turns, of which a system prompt may be the first."""
    if turns and turns[0].get("role") == "system":
        talk.system = _words(turns[0])
        turns = turns[1:]
    for branch in talk.branches:
        branch.turns = list(turns)
    talk.tell(f"{len(turns)} messages so far" + (f"; the last one: {_short(_words(turns[-1]))}" if turns else "."))


def _retry(talk: Talk, _: str) -> None:
    talk.ask_again()


def _clear(talk: Talk, _: str) -> None:
    talk.start_over()
    talk.tell("A new conversation begins.")


def _edit(talk: Talk, text: str) -> None:
    import click

    from inference_providers.cli.editor import edit_text

    if talk.prompt is None:
        raise ValueError("/edit needs a terminal.")
    try:
        with talk.prompt.usual():
            text = edit_text(text and f"{text}\n").strip("\n").rstrip()
    except click.ClickException as error:
        raise ValueError(error.message) from None
    if not text.strip():
        talk.tell("Nothing was written, and so nothing is asked.")
        return
    talk.tell(text)
    talk.prompt.remember(text)
    talk.ask(text)


def _cost(talk: Talk, _: str) -> None:
    talk.tell(str(talk.spent))


def _unquoted(path: str) -> str:
    """A path without quotes around it, and with its `~` as the home folder."""
    if len(path) > 1 and path[0] == path[-1] and path[0] in "\"'":
        path = path[1:-1]
    return os.path.expanduser(path)


def _words(turn: dict[str, Any]) -> str:
    from inference_providers.chat import content_text

    return content_text(turn.get("content"))


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"\u2026{text[-_LONG:]}"


COMMANDS = (
    Command("/model", "NAME", "talk to another model; without a name: show the current one", "model", _model),
    Command("/beside", "NAME", "ask another model as well, and show both answers", "model", _beside),
    Command("/pick", "1|2", "go on with the first or the second of two models", "", _pick),
    Command("/system", "TEXT", "set the system prompt; without text: remove it", "", _system),
    Command("/file", "PATH", "attach a file to the next question; without a path: attach nothing", "file", _file),
    Command("/edit", "TEXT", "write the question in your editor", "", _edit),
    Command("/retry", "", "ask the last question again", "", _retry),
    Command(
        "/save", "FILE", "save the conversation: as JSON if the name ends in .json, else as Markdown", "file", _save
    ),
    Command("/load", "FILE", "go on with a conversation that was saved as JSON", "file", _load),
    Command("/cost", "", "what the conversation took so far", "", _cost),
    Command("/clear", "", "start over", "", _clear),
    Command("/help", "", "list the commands", "", _help),
    Command("/exit", "", "leave (so does Ctrl-D); Ctrl-C stops an answer and keeps what has arrived", "", None),
)
KEYS = [
    ("Enter", "send; behind \\ or in an open ```: a new line"),
    ("Alt-Enter, Ctrl-J", "a new line"),
    ("Ctrl-R, up, down", "what was typed before"),
    ("Tab", "complete commands, models and files"),
    ("Ctrl-X Ctrl-E", "go on in your editor"),
]
