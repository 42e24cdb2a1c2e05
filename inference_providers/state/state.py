"""The interface of a shared state, which processes of one program, or several programs, look into."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.state.window import Room, Taken


class State:
    """Who rests, and what is taken out of each minute; for all threads, and after a fork for each process.

    None of its methods raises: what cannot be shared for now is known to this process alone. Times are seconds since
    1970, of one clock for all who share it.
    """

    link: Any = None  # the `RedisLink` to what other machines share as well
    waits = False  # whether taking and settling may wait for others, so that asyncio does it in a thread

    @property
    def is_ready(self) -> bool:
        """Whether it can be read at once; else `prepare` is called first."""
        return True

    def prepare(self) -> None:
        """Have it read; this may wait for others."""

    @property
    def generation(self) -> int:
        """Another number whenever `rests` may give something else; it costs less than a microsecond."""
        raise NotImplementedError

    def digest(self, *parts: str) -> str:
        """A key for `rest` that all who share the state make of these parts, and that cannot be turned back."""
        raise NotImplementedError

    def rest(self, key: str, until: float, why: str) -> None:
        """Have everybody leave what a key stands for alone until then.

        key: a `digest`, so that no provider's key is kept. why: a word or two; no words of a server or a user.
        """
        raise NotImplementedError

    def clear(self, key: str) -> None:
        """It need not be left alone any more."""
        raise NotImplementedError

    def rests(self) -> Mapping[str, tuple[float, str]]:
        """By key: until when it rests, and why. A rest that is over is there for an hour more (`KEPT`).

        Whoever asks again first lets it rest anew meanwhile, and so it is asked by one.
        """
        raise NotImplementedError

    def take(self, name: str, tokens: float, limits: Room) -> tuple[float, str, Taken | None]:
        """Take a request and its tokens out of this minute of *name*.

        Seconds until there is room, what there is none of, and what was taken where there is.
        """
        raise NotImplementedError

    def spread(self, name: str) -> float:
        """Seconds by which to come later than there is room in this minute, at most, where many wait for it."""
        return 0.0

    def correct(self, name: str, taken: Taken, tokens: float) -> None:
        """It took so many tokens, as it turned out."""
        raise NotImplementedError

    def give_back(self, name: str, taken: Taken) -> None:
        """It was not sent."""
        raise NotImplementedError

    def room(self, name: str, limits: Room) -> float:
        """The part of its minute that is left, from 0 to 1; a quarter of a second old at most."""
        raise NotImplementedError

    def close(self) -> None:
        """Close files; they are opened again when they are needed."""
