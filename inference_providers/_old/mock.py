"""Moved: see `inference_providers.testing.mock`."""

from inference_providers._old import moved

__getattr__ = moved(__name__, "inference_providers.testing.mock")
