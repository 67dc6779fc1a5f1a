"""What exporting to ONNX needs besides PyTorch."""

import contextlib
import importlib.util
import logging
import warnings

__all__ = ["check_exporter", "quiet_exporter"]

_PACKAGES = ("onnx", "onnxruntime", "onnxscript")


def check_exporter():
    """Raise ModuleNotFoundError, which says what to install, unless models can be exported."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        install = f"pip install {' '.join(_PACKAGES)}"
        raise ModuleNotFoundError(f"{', '.join(missing)}: needed to export models; run: {install}")


@contextlib.contextmanager
def quiet_exporter():
    """Silence what PyTorch's exporter says of packages that it could use and of its own code."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
