"""Moved: see `inference_providers.transport`."""

from inference_providers._old import moved

__getattr__ = moved(__name__, "inference_providers.transport", "inference_providers.protocols")
