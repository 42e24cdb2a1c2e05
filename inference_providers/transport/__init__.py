"""Bytes: requests out, replies in, over sockets that this package owns."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.transport import sse as sse
    from inference_providers.transport.async_sender import AsyncSender as AsyncSender
    from inference_providers.transport.http import ERROR_CAP as ERROR_CAP
    from inference_providers.transport.http import RESPONSE_CAP as RESPONSE_CAP
    from inference_providers.transport.http import AsyncResponse as AsyncResponse
    from inference_providers.transport.http import Cancellation as Cancellation
    from inference_providers.transport.http import Limits as Limits
    from inference_providers.transport.http import Request as Request
    from inference_providers.transport.http import Response as Response
    from inference_providers.transport.http import WireError as WireError
    from inference_providers.transport.http import async_response_of as async_response_of
    from inference_providers.transport.http import request_to as request_to
    from inference_providers.transport.http import response_of as response_of
    from inference_providers.transport.http1_requests import RequestReader as RequestReader
    from inference_providers.transport.races import run_race as run_race
    from inference_providers.transport.races import run_race_async as run_race_async
    from inference_providers.transport.running import running_loop as running_loop
    from inference_providers.transport.settings import network_settings as network_settings
    from inference_providers.transport.sync_sender import Sender as Sender
    from inference_providers.transport.tokens import renew_token as renew_token
    from inference_providers.transport.tokens import renew_token_async as renew_token_async

_HOME = {
    "async_sender": ("AsyncSender",),
    "http": (
        "AsyncResponse",
        "Cancellation",
        "ERROR_CAP",
        "Limits",
        "RESPONSE_CAP",
        "Request",
        "Response",
        "WireError",
        "async_response_of",
        "request_to",
        "response_of",
    ),
    "http1_requests": ("RequestReader",),
    "races": (
        "run_race",
        "run_race_async",
    ),
    "running": ("running_loop",),
    "settings": ("network_settings",),
    "sync_sender": ("Sender",),
    "tokens": (
        "renew_token",
        "renew_token_async",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME, modules=("sse",))
