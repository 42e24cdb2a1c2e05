"""What stands in for providers in tests of other programs: replies, recordings, a tiny model."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.testing import stand_in as stand_in
    from inference_providers.testing.mock import Mock as Mock
    from inference_providers.testing.stand_in import StandIn as StandIn

_HOME = {
    "mock": ("Mock",),
}
__getattr__, __dir__ = face(__name__, _HOME, modules=("stand_in",))
