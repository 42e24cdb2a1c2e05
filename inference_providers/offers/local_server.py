"""A server on this machine, as name resolution sees it. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class LocalServer:
    """A server on this machine: its provider row, its address, and the models it lists.

    One that is `locked` lists them only to who has its key: they are unknown, not none.
    One that this package launches has a key of its own, and neither key nor address before `wake()`.
    """

    reason = ""  # why it cannot be used
    launched = False  # by this package: it serves the one model it was launched for
    mute: frozenset[str] = frozenset()  # models that it says are for something else than talk
    wished = False  # whether its model is to run there first
    fits = True  # whether it is made for such models
    # For a new connection from a local port: why who took it is not this server. None: nobody can tell.
    stranger: Callable[[int], str] | None = None

    def __init__(
        self,
        provider: str,
        endpoint: str,
        models: Mapping[str, str | None],
        key: str | None = None,
        *,
        locked: bool = False,
        mute: Iterable[str] = (),
    ) -> None:
        if mute:
            self.mute = frozenset(mute)
        self.locked = locked
        self.provider, self.endpoint, self.models = provider, endpoint, dict(models)
        self.key = key
        self.place = endpoint  # what tells it from other servers

    def as_of(self, provider: str) -> LocalServer:
        """This server as another kind, which its user says that it is."""
        return LocalServer(provider, self.endpoint, self.models, self.key, locked=self.locked, mute=self.mute)

    def talks(self, model: str) -> bool:
        """Whether nothing says that one of its models is for something else: embeddings, images, speech."""
        from inference_providers.registry import is_text_model

        return model not in self.mute and is_text_model(model)

    def wake(self, limit: float) -> None:
        """Have it running. Raises LocalServerError."""

    async def wake_async(self, limit: float) -> None:
        """`wake` for asyncio."""

    def lost(self) -> None:
        """Note that a request did not get through: the next `wake` looks whether it still runs."""

    @property
    def awake(self) -> bool:
        """Whether `wake` would have nothing to do but note that it is used."""
        return True

    def __repr__(self) -> str:
        models = "wants a key" if self.locked else f"{len(self.models)} models"
        return f"<LocalServer {self.provider} at {self.endpoint}: {models}>"
