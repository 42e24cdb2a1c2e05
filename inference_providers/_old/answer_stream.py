"""Moved: see `inference_providers.calls`."""

from inference_providers._old import moved

__getattr__ = moved(__name__, "inference_providers.calls")
