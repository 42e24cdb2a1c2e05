"""What `ask-ai` prints of an answer."""

from __future__ import annotations

import sys

from inference_providers.cli.output import on_terminal, say, say_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.clients import ProviderList

# What an answer has to be complete for, so that it is not asked for as a stream.
_WHOLE = ("schema", "tools")


class Output:
    """What is printed of an answer.

    streams: whether text is printed as it comes. as_json: the whole answer, as JSON. verbose: what is tried as well.
    """

    def __init__(self, *, streams: bool = True, as_json: bool = False, verbose: bool = False) -> None:
        self.streams, self.as_json, self.verbose = streams, as_json, verbose

    def ask(self, providers: ProviderList, asked: Any, options: dict[str, Any]) -> None:
        """Ask, and print the answer. *options* are those of `ask_ai`. Raises what that raises."""
        if self.as_json:
            say_json(providers.ask_ai(asked, **options).as_dict())
        elif not self.streams or any(options.get(name) is not None for name in _WHOLE):
            say(providers.ask_ai(asked, **options))
        else:
            _print_stream(providers, asked, options)


def _print_stream(providers: ProviderList, asked: Any, options: dict[str, Any]) -> None:
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
    if stream.answer.finish_reason == "length":
        say("(stopped by the token limit; --max-tokens sets another)", err=True)
