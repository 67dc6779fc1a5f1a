"""What exporting needs is named where it is missing, and the exporter is quiet."""

import importlib.util
import logging
import warnings

import pytest

from bigmodel_utils.serving import check_exporter, quiet_exporter


def test_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    message = "onnx, onnxruntime, onnxscript: .* run: pip install onnx onnxruntime onnxscript$"
    with pytest.raises(ModuleNotFoundError, match=message):
        check_exporter()


def test_says_nothing_where_all_is_there(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    check_exporter()


def test_is_quiet_inside_and_as_before_outside(caplog):
    logger = logging.getLogger("torch.onnx._internal.exporter")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with quiet_exporter():
            logger.warning("torchvision is not installed")
            warnings.warn("old", FutureWarning, stacklevel=1)
        assert not seen
    assert caplog.text == "" and logging.getLogger("torch.onnx").level == logging.NOTSET
