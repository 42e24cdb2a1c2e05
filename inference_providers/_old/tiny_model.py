"""Moved: see `inference_providers.testing.tiny_model`."""

from inference_providers._old import moved

__getattr__ = moved(__name__, "inference_providers.testing.tiny_model")

if __name__ == "__main__":
    from inference_providers.testing.tiny_model import main

    main()
