"""What the worker says of itself: one JSON object a line, UIDs and reasons, nothing of a patient."""

import json
import sys
import threading
import time
from typing import TextIO

_LOCK = threading.Lock()


def tell(event: str, stream: TextIO | None = None, **facts: str | float | int) -> None:
    """Write one line."""
    row = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event, **facts}
    with _LOCK:
        target = stream or sys.stderr
        target.write(json.dumps(row) + "\n")
        target.flush()
