"""A study's process searches for garbage seldom, and still finds it."""

import subprocess
import sys

CODE = """
import gc, weakref
from pipeline.batch.garbage import MORE_OBJECTS, collect_rarely
class Cycle:
    def __init__(self):
        self.own = self
collect_rarely()
assert gc.get_freeze_count() > 1000
lost = weakref.ref(Cycle())
assert lost() is not None
kept = [[] for _ in range(2 * MORE_OBJECTS)]
assert lost() is None
"""


def test_cycles_are_found_after_many_new_objects() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True)


def test_a_study_is_analysed_without_importing_statistics() -> None:
    """scipy.stats comes with several others' functions and takes half a second."""
    code = "import sys, pipeline.study; assert 'scipy.stats' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
