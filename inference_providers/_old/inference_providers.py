"""Where versions 0.2 had it: see `inference_providers.clients`."""

from inference_providers._old import moved

__getattr__ = moved(__name__, "inference_providers.clients")
