"""What stands in for the network in tests of other programs: mock replies, or a recording. Set by the pytest plug-in."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    from inference_providers.registry import Registry

    class Substitute(Protocol):
        """What a list asks of it when it is made. With `quick`, nothing is gained by waiting between tries."""

        quick: bool
        alone: bool  # nothing of the environment is used

        def registry(self) -> Registry | None:
            """The registry to use, which is not checked; None for the list's own."""

        def environ(self, environ: Mapping[str, str]) -> Mapping[str, str]:
            """The environment to use."""
            raise NotImplementedError

        def sender(self, real: Callable[[], Any], secrets: Callable[[], list[str]]) -> Any:
            """What sends, instead of the real sender. *secrets* are the keys that must not be recorded."""

        def async_sender(self, real: Callable[[], Any], secrets: Callable[[], list[str]]) -> Any:
            """`sender` for asyncio."""


current: Substitute | None = None  # for every list made from now on in this process
