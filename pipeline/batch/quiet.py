"""Libraries that read headers quote values in their warnings; values may be patient data, so nothing of it is shown."""

import logging
import warnings

LIBRARIES = ("pydicom", "highdicom", "nibabel", "PIL", "pylibjpeg")


def silence_libraries() -> None:
    """No warnings and no log lines of libraries from here on, in this process."""
    warnings.simplefilter("ignore")
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
