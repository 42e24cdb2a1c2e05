"""Moved: see `inference_providers.chat`."""

from inference_providers._old import moved

__getattr__ = moved(__name__, "inference_providers.chat", "inference_providers.usage")
