"""Settings a site may change, one record per section of configs/settings.yaml."""

import hashlib
import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class DicomSettings:
    """Limits on what is read. A breach is a reason in the list of skipped files, with the limit's name."""

    max_file_bytes: int = 2_000_000_000
    """Size of one file; an enhanced CT of 2,000 frames has 1 GB."""
    max_study_bytes: int = 8_000_000_000
    """Decoded pixels of one study."""
    max_pixels: int = 120_000_000
    """Rows × Columns of one frame; the largest long-leg radiographs have about 40 million."""
    max_frames: int = 5_000
    """Frames of one object or slices of one series."""
    max_nesting: int = 64
    """Depth of nested sequences; structured reports reach about 15."""
    max_files: int = 1_000_000
    """Files in one call."""
    max_zip_ratio: float = 200.0
    """Unpacked over packed bytes of a zip."""
    max_context_bytes: int = 1_000_000
    """Size of a context.json."""


@dataclass(frozen=True, slots=True)
class SegmentationSettings:
    """How sure a deposit must be."""

    ct_confidence: float = 0.5
    """Least confidence, 0 to 1, of a deposit on CT."""
    radiograph_confidence: float = 0.5
    """Least confidence, 0 to 1, of a deposit on a radiograph."""
    radiograph_model: str | None = None
    """File of another network for radiographs (ONNX); None is the one that comes with the program."""


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Limits of one study's process."""

    timeout_s: float = 600.0
    """Wall-clock limit of one study, seconds."""
    memory_gb: float = 4.0
    """Memory limit of one study (resident, with its children), GiB."""


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """What reports show of the patient."""

    identify: str = "none"
    """"none" shows UIDs alone, "full" shows name and number from the header."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings."""

    dicom: DicomSettings = field(default_factory=DicomSettings)
    segmentation: SegmentationSettings = field(default_factory=SegmentationSettings)
    batch: BatchSettings = field(default_factory=BatchSettings)
    report: ReportSettings = field(default_factory=ReportSettings)

    @property
    def sha256(self) -> str:
        """Digest of all that can change a result: every section but the limits of the process."""
        content = {name: section for name, section in asdict(self).items() if name != "batch"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
