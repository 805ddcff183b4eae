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
    max_header_bytes: int = 100_000_000
    """Bytes before the pixel data; an enhanced CT of 5,000 frames has 20 MB."""
    max_elements: int = 1_000_000
    """Elements of a header, or fragments of compressed pixels; an enhanced CT of 5,000 frames has 300,000."""
    max_files: int = 1_000_000
    """Files in one call."""
    max_zip_ratio: float = 200.0
    """Unpacked over packed bytes of a zip."""
    max_context_bytes: int = 1_000_000
    """Size of a context.json."""


@dataclass(frozen=True, slots=True)
class SegmentationSettings:
    """How sure a deposit must be."""

    ct_confidence: float = 0.6
    """Least confidence, 0 to 1, of a deposit on CT."""
    radiograph_confidence: float = 0.5
    """Least confidence, 0 to 1, of a deposit on a radiograph."""
    ct_network: str | None = None
    """File of another network for CT (ONNX); None is the one that comes with the program, "none" works without."""
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
    """"none" shows UIDs alone, "pseudonym" a name made of pseudonym_key and PatientID, "full" name and number."""
    pseudonym_key: str | None = None
    """Secret of the site, at least 16 characters: the same patient has the same pseudonym wherever it is the same."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The PACS worker: where it listens, whom it hears, where results go. It sends to a peer or keeps them."""

    folder: str = "calcinosis-spool"
    """Folder of the spool, on a local file system."""
    ae_title: str = "CALCINOSIS"
    """Own application entity title."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 11112
    """Port to listen on."""
    allowed_ae_titles: tuple[str, ...] = ()
    """Who may send; empty is everybody."""
    max_associations: int = 50
    """Connections at a time."""
    max_pdu_bytes: int = 262_144
    """Largest PDU."""
    max_instance_bytes: int = 2_000_000_000
    """Largest instance that is taken."""
    min_free_bytes: int = 1_000_000_000
    """Free space below which instances are refused as out of resources."""
    stall_s: float = 20.0
    """Longest silence of a peer inside an association, seconds."""
    quiet_s: float = 60.0
    """A study is analysed when no image came for so long, seconds."""
    workers: int = 1
    """Studies at a time."""
    profile: str = "seed"
    """Knowledge profile: a name or a file."""
    tls_certificate: str | None = None
    """PEM file of the own certificate; None is no TLS."""
    tls_key: str | None = None
    """PEM file of its key, where it is not in the certificate's file."""
    tls_authority: str | None = None
    """PEM file of the authority that signs the certificates of peers."""
    peer_host: str | None = None
    """Address that results go to by C-STORE; with no peer they stay in the spool."""
    peer_port: int = 104
    """Port that results go to."""
    peer_ae_title: str = "PACS"
    """AE title that results go to."""
    peer_url: str | None = None
    """DICOMweb address that results go to by STOW-RS in place of C-STORE, without the final /studies."""
    peer_user: str | None = None
    """User at peer_url (basic authentication); None shows the secret as a bearer token."""
    peer_secret: str | None = None
    """Where the password or token for peer_url is, file:PATH or env:NAME; it needs https or this machine."""
    peer_authority: str | None = None
    """PEM file of the authority that signed the certificate of peer_url; None is those of the system."""
    commitment: bool = False
    """Whether results count as delivered only when the peer has promised to keep them (storage commitment)."""
    max_attempts: int = 12
    """Tries of a delivery before it is a dead letter."""
    watch_url: str | None = None
    """REST address of an Orthanc whose stable studies are fetched; None watches nothing."""
    watch_user: str | None = None
    """User at watch_url, as peer_user."""
    watch_secret: str | None = None
    """Where the password or token for watch_url is, as peer_secret."""
    watch_authority: str | None = None
    """PEM file of the authority of watch_url, as peer_authority."""
    watch_s: float = 5.0
    """Seconds between two looks at watch_url."""
    keep_days: int = 30
    """Days after which delivered studies and dead letters leave the spool; 0 keeps them. Without a peer all stay."""
    keep_free_bytes: int = 5_000_000_000
    """Free space below which delivered studies leave the spool sooner, oldest first; 0 never does."""
    status_host: str = "127.0.0.1"
    """Address of the status page."""
    status_port: int = 8790
    """Port of the status page, of /healthz, /readyz and /metrics."""
    status_names: tuple[str, ...] = ()
    """Names by which readers reach the status page beside this machine's own and addresses."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings."""

    dicom: DicomSettings = field(default_factory=DicomSettings)
    segmentation: SegmentationSettings = field(default_factory=SegmentationSettings)
    batch: BatchSettings = field(default_factory=BatchSettings)
    report: ReportSettings = field(default_factory=ReportSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)

    @property
    def sha256(self) -> str:
        """Digest of all that can change a result: not the limits of the process, not the worker's connections."""
        content = {name: section for name, section in asdict(self).items() if name not in ("batch", "worker")}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
