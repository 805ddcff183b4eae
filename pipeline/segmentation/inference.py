"""What was learned, loaded to be run: onnxruntime on one thread, and the digest by which results name the file."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
"""From version 1.29 on onnxruntime reports its use to its maker, unless this is set before it is loaded."""

import onnxruntime  # noqa: E402

from pipeline.errors import ConfigurationError  # noqa: E402
from pipeline.model.lesion import ModelDigest  # noqa: E402


@lru_cache(maxsize=4)
def session(path: Path) -> tuple[Any, ModelDigest]:
    """The onnxruntime session of a file, and its digest.

    Raises:
        ConfigurationError: the file cannot be read as a network.
    """
    try:
        content = path.read_bytes()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        found = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ConfigurationError(f"{path.name}: cannot be read as a network; name another ONNX file") from error
    return found, ModelDigest(path.stem, hashlib.sha256(content).hexdigest())
