"""Calcinosis: calcium in soft tissue on radiographs and CT, seen, measured and reasoned about. Decision support.

The library is `pipeline.api`; its names can be taken from here (`from pipeline import analyse_study`) and are imported
only then.
"""

TYPE_CHECKING = False  # true for type checkers, and spares the import of typing at each start
if TYPE_CHECKING:
    from pipeline.api import analyse_study, labels, lesions_on, pictures, results, save

__version__ = "0.1.0"
__all__ = ["__version__", "analyse_study", "labels", "lesions_on", "pictures", "results", "save"]


def __getattr__(name: str) -> object:
    """A name of `pipeline.api`, imported when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("pipeline.api"), name)
