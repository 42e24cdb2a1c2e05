"""Backends of a program's own, beside those that there are: `mine_model-x` goes to the one that is called `mine`."""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.chat import Prompt

_own: dict[str, BaseLLMBackend] = {}


class BaseLLMBackend(ABC):
    """What answers for the models whose names begin with its own and an underscore, once it is registered.

    Args:
        name: The prefix without its underscore. A method of yours gets the model's name without the prefix.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def generate_response(self, model_name: str, prompt: Prompt, **kwargs: Any) -> str:
        """Answer a prompt: yours to write.

        Args:
            model_name: The model's name without the prefix.
            prompt: Text, or a list of messages.
            **kwargs: Those of the call, with `max_tokens` and `temperature`.

        Returns:
            The text of the answer.
        """

    def is_model_available(self, model_name: str) -> bool:
        """Whether a model can be asked now; without a word of yours, any.

        Args:
            model_name: The model's name without the prefix.

        Returns:
            Whether it can.
        """
        del model_name
        return True

    def load_models(self) -> list[str]:
        """The models that there are; without a word of yours, none is listed.

        Returns:
            Their names without the prefix.
        """
        return []

    def __str__(self) -> str:
        return f"{type(self).__name__}({self.name})"


def register_backend(backend: BaseLLMBackend) -> None:
    """Have `generate_response` ask a backend for the models with its prefix from now on, instead of any other.

    Args:
        backend: An instance of a class of yours.

    Raises:
        TypeError: It is not a `BaseLLMBackend`.
        ValueError: Its name cannot be a prefix.
    """
    if not isinstance(backend, BaseLLMBackend):
        raise TypeError(f"a backend is an instance of a subclass of BaseLLMBackend, not {backend!r}")
    name = backend.name
    if not isinstance(name, str) or not name.isidentifier() or name.endswith("_"):
        raise ValueError(f"a backend's name is letters and digits, like 'mine' of 'mine_model-x', not {name!r}")
    _own[name] = backend


def own_backends() -> list[BaseLLMBackend]:
    """Those that are registered."""
    return list(_own.values())


def own_backend(model_name: str) -> tuple[BaseLLMBackend | None, str]:
    """The program's backend for a name, the longest prefix first, and the name without it; (None, *model_name*)."""
    for name in sorted(_own, key=len, reverse=True):
        rest = model_name.removeprefix(f"{name}_")
        if rest and rest != model_name:
            return _own[name], rest
    return None, model_name
