"""What the fork server prepares is what a study needs, and it runs no thread of its own."""

import subprocess
import sys

CHECK = """
import threading
import pipeline.batch.warm
from pipeline.study import knowledge_for
assert knowledge_for.cache_info().currsize == 2, knowledge_for.cache_info()
assert threading.active_count() == 1, threading.enumerate()
import sys
assert "highdicom.seg" in sys.modules and "skimage.measure._marching_cubes_lewiner" in sys.modules
"""


def test_the_warm_parent_holds_knowledge_and_libraries_and_runs_no_thread() -> None:
    environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
