"""Moved: see `inference_providers.offers`."""

from inference_providers._old import moved

__getattr__ = moved(__name__, "inference_providers.offers")
