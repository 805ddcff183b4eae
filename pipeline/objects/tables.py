"""The standard's tables that highdicom reads at the first object it makes: 0.3 s of every process that has not."""

import contextlib
import importlib


def load_tables() -> None:
    """Read them now. Where a version of highdicom keeps them elsewhere nothing happens: they are read when needed."""
    with contextlib.suppress(ImportError, AttributeError):
        tables = importlib.import_module("highdicom._standard_utils")
        for name in ("get_sop_class_iod_map", "get_iod_module_map", "get_module_attribute_map"):
            getattr(tables, name)()
