"""Find data files inside installed packages, without importing these."""

import importlib.util
from pathlib import Path

__all__ = ["package_file"]

_INSTALL = {"sklearn": "scikit-learn"}


def package_file(package, name):
    """Return the path of the file ``name`` inside an installed package.

    Raises:
        ModuleNotFoundError: the package is not installed; says how to install it.
        FileNotFoundError: the package has no such file.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        install = _INSTALL.get(package, package)
        raise ModuleNotFoundError(f"{package}: needed for {name}; run: pip install {install}")
    file = Path(spec.origin).parent / name
    if not file.is_file():
        raise FileNotFoundError(f"{file}: missing from the installed package {package}")
    return file
