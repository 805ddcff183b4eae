"""Where the builders of other rooms lie that hostile inputs are made from."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
for room in ("dicom", "worker"):
    sys.path.insert(0, str(TESTS / room))
