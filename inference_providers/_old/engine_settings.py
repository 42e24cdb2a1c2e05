"""Moved: see `inference_providers.compat`."""

from inference_providers._old import moved

__getattr__ = moved(__name__, "inference_providers.compat")
