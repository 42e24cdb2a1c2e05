"""Moved: see `inference_providers.clients.one_line`."""

from inference_providers._old import moved

__getattr__ = moved(__name__, "inference_providers.clients.one_line")
