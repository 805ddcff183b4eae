"""Every error that the program raises on purpose.

CalcinosisError
├── UsageError            wrong call or configuration          exit code 2
│   └── ConfigurationError   a knowledge, profile, settings or context file is wrong
├── InputError            what arrived cannot be used
│   ├── UnreadableFileError  not DICOM, truncated, lying header   one file is listed
│   ├── PixelError           pixels missing or not decodable      one file is listed
│   ├── GeometryError        positions or orientations make no image   one series is listed
│   └── LimitError           more bytes, pixels or nesting than the settings allow
├── OutputError           the output cannot be written         exit code 4
└── StudyError            a study ran out of time or memory, or its process died

A message is one line: what, where, what to do. It never holds patient data.
"""


class CalcinosisError(Exception):
    """Parent of all errors of this program."""


class UsageError(CalcinosisError):
    """The call is wrong."""


class ConfigurationError(UsageError):
    """A configuration file is wrong; the message names file, line and key of every mistake, one a line."""


class InputError(CalcinosisError):
    """Something that arrived cannot be used."""


class UnreadableFileError(InputError):
    """A file is no DICOM, is cut off, or its header contradicts its bytes."""


class PixelError(InputError):
    """Pixel data is missing or cannot be decoded."""


class GeometryError(InputError):
    """Positions or orientations of a series do not make an image."""


class LimitError(InputError):
    """An input exceeds a limit of the settings."""


class OutputError(CalcinosisError):
    """The output folder cannot be written."""


class StudyError(CalcinosisError):
    """A study's process ran out of time or memory, or died."""
