"""What `ask-ai` prints of an answer."""

from __future__ import annotations

import sys

import click

from inference_providers.cli.output import on_terminal, say, say_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.chat import Answer
    from inference_providers.clients import ProviderList

# What an answer has to be complete for, so that it is not asked for as a stream.
_WHOLE = ("schema", "tools")


class Output:
    """What is printed of an answer.

    streams: whether text is printed as it comes. as_json: the whole answer, as JSON. extract: its first block of code
    alone. usage: what it took, on standard error. verbose: what is tried, as well.
    Raises UsageError for what cannot be printed together.
    """

    def __init__(
        self,
        *,
        streams: bool = True,
        as_json: bool = False,
        extract: bool = False,
        usage: bool = False,
        verbose: bool = False,
    ) -> None:
        if extract and as_json:
            raise click.UsageError("--extract prints the code alone, and --json the whole answer; give one of them.")
        self.streams, self.as_json, self.verbose = streams and not extract and not as_json, as_json, verbose
        self.extract, self.usage = extract, usage

    def ask(self, providers: ProviderList, asked: Any, options: dict[str, Any]) -> None:
        """Ask, and print the answer. *options* are those of `ask_ai`. Raises what that raises."""
        if self.extract and options.get("schema") is not None:
            raise click.UsageError("--extract prints code, and --schema JSON; give one of them.")
        if self.streams and all(options.get(name) is None for name in _WHOLE):
            answer = _print_stream(providers, asked, options)
        else:
            answer = providers.ask_ai(asked, **options)
            self._print(answer, has_schema=options.get("schema") is not None)
        if answer.finish_reason == "length" and not self.as_json:
            say("(stopped by the token limit; --max-tokens sets another)", err=True)
        if self.usage:
            say(usage_line(answer), err=True, dim=True)

    def _print(self, answer: Answer, *, has_schema: bool) -> None:
        if self.as_json:
            say_json(answer.as_dict())
        elif has_schema:
            say_json(answer.as_dict().get("parsed"))
        elif self.extract:
            _print_code(answer)
        else:
            say(answer)


def usage_line(answer: Answer) -> str:
    """Who has answered, tokens, cost in US dollars, seconds: in one line."""
    parts = [f"{answer.provider}/{answer.model}"]
    if (usage := answer.usage) is not None:
        cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
        thought = f" ({usage.reasoning_tokens:,} of thoughts)" if usage.reasoning_tokens else ""
        parts += [f"{usage.input_tokens:,} tokens in{cached}", f"{usage.output_tokens:,} out{thought}"]
    else:
        parts.append("tokens unknown")
    parts.append("cost unknown" if answer.cost is None else f"${answer.cost:.6f}")
    return ", ".join([*parts, f"{answer.latency:.1f} s"])


def _print_code(answer: Answer) -> None:
    from inference_providers.cli.ask_code import first_block

    code = first_block(answer)
    if code is None:
        say("(no fenced code block in the answer; this is all of it)", err=True)
    say(answer if code is None else code)


def _print_stream(providers: ProviderList, asked: Any, options: dict[str, Any]) -> Answer:
    from inference_providers.errors import TruncatedStreamError
    from inference_providers.text import pieces

    with providers.stream(asked, **options) as stream:
        try:
            for piece in pieces(stream) if on_terminal() else stream:
                say(piece, nl=False)
                if sys.stdout is not None:
                    sys.stdout.flush()
        except TruncatedStreamError:
            say()
            raise
    say()
    return stream.answer
