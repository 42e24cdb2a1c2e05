"""What stands in for the network in tests of other programs: mock replies or a recording.

The pytest plug-in sets `active`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    from inference_providers.registry import Registry

    class StandIn(Protocol):
        """What a provider list asks of its stand-in."""

        skips_backoff: bool  # nothing is gained by waiting between tries
        is_isolated: bool  # nothing of the environment is used

        def registry(self) -> Registry | None:
            """The registry to use, which is not checked; None for the list's own."""

        def environ(self, environ: Mapping[str, str]) -> Mapping[str, str]:
            """The environment to use."""
            raise NotImplementedError

        def sender(self, real: Callable[[], Any], secrets: Callable[[], list[str]]) -> Any:
            """What sends in place of the real sender. *secrets* gives the keys that must not be recorded."""

        def async_sender(self, real: Callable[[], Any], secrets: Callable[[], list[str]]) -> Any:
            """`sender` for asyncio."""


active: StandIn | None = None  # for every list made from now on in this process
