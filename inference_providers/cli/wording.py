"""Messages that name what a Python program would write, put for who is at a terminal.

What the package raises of its own tree (`errors`), and the command line with click, are sentences: they begin with a
capital, unless with a name, and end with a full stop, unless with what is to be copied. ValueError and its like are as
Python's own, small and without a stop; at a terminal they become sentences, too. A test reads all of them.
"""

from __future__ import annotations

import re

# Whole phrases of our own only: words that a server, a model or a file says stay as they are.
_PHRASES = (
    (r"\b[Tt]his call's (avoid|only)\b", r"--\1"),
    (r"^(timeout|concurrency) must be\b", r"--\1 must be"),
    (r"^api_base (is|must)\b", r"--api-base \1"),
    (r"give its address as api_base\b", "give its address by --api-base"),
    (
        r"^The easiest keys to get \(set the variable to the key\):$",
        "The easiest keys to get (set the variable, or `inference-providers keys set`):",
    ),
    (
        r"^Set one of these environment variables:$",
        "Set one of these environment variables, or `inference-providers keys set`:",
    ),
    (r"A provider's own parameters go into extra_body=\{\.\.\.\}", "A provider's own go into -o 'extra_body={...}'"),
    (r"\bfiles= takes it$", "-a takes it"),
    (r"\bA smaller max_tokens\b", "A smaller --max-tokens"),
    (r"\bGive a larger max_steps\b", "Give a larger --max-steps"),
    (r"\bresume=False \(--no-resume\)", "--no-resume"),
    (r"^engine='(\w+)' needs an output file \(out=\)", r"--engine \1 needs an output file (-o FILE)"),
    (r"^engine='(\w+)' asks items one by one, and mode=\"(\w+)\"", r"--engine \1 asks items one by one, and --mode \2"),
    (r"^address and actors are of an engine, as in engine=\"(\w+)\"", r"--address and --actors are of --engine \1"),
    (r"\bhere \(address=, or RAY_ADDRESS\)", "here (--address, or RAY_ADDRESS)"),
    (r"; address=\"local\" takes this machine alone$", "; --address local takes this machine alone"),
    (r"\bgive an output file \(out=\) in a folder\b", "give an output file (-o) in a folder"),
    (r"\b\w+=(?:False)? \((--[\w-]+)\)", r"\1"),
    (r"\bin a prompt \(prompt=, --prompt\)", "by --prompt"),
    (r"^encoding=", "--encoding "),
    (r"\bor by a new ProviderList, which reads (\w+) anew", r"or after a new start, with another key in \1"),
)


_VARIABLE = r"\bINFERENCE_PROVIDERS_[A-Z_]+\b"
# How messages begin but for names of providers, settings, files, which stay as they are written.
_BEGINS = r"(?:an?|the|there|this|these|its?|no|nobody|nothing|only|not|one|two|each|what|unknown|wrong|give|say) "
_COPIED = r"://\S*$|\b(?:pip install|inference-providers|ask-ai|iconv|pytest)\b[^`\n]*$"  # what no stop may follow


def spoken(error: object) -> str:
    """The message of an error, for a person at a terminal."""
    text = str(error)
    for phrase, put in _PHRASES:
        text = re.sub(phrase, put, text, flags=re.MULTILINE)
    text = re.sub(_VARIABLE, lambda found: _setting_behind(found[0]) or found[0], text)
    return sentence(text) if isinstance(error, (ValueError, TypeError)) else text


def sentence(text: str) -> str:
    """A message as Python has them, as a sentence."""
    if re.match(_BEGINS, text):
        text = text[0].upper() + text[1:]
    return text if re.search(rf"[.?!:)]\s*$|{_COPIED}", text) else f"{text.rstrip()}."


def from_settings(error: object) -> bool:
    """Whether an error names a variable that the user's settings stand for."""
    return any(_setting_behind(name) for name in re.findall(_VARIABLE, str(error)))


def _setting_behind(variable: str) -> str:
    """The setting that a variable's value is from, with its file; empty where the environment has it, or nobody."""
    from inference_providers.cli.lists import environment
    from inference_providers.settings import CONFIG, SETTINGS, SETTINGS_FILE

    name = next((one.name for one in SETTINGS.values() if one.variable == variable), "")
    environ = environment()
    return f"{name} in {environ.stored.path(CONFIG)}" if environ.source(variable) == SETTINGS_FILE else ""
