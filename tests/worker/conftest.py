"""A spool in a temporary folder, a free port, and a small study as a modality sends it."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from worker_peers import Archive, free_port

from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.spool import Spool
from pipeline.worker.store import Store

STUDY = Path(__file__).parents[2] / "sample_data" / "studies" / "hydatid_cyst_thigh_ct"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "spool")


@pytest.fixture
def spool(store: Store) -> Iterator[Spool]:
    made = Spool(store.database)
    yield made
    made.close()


@pytest.fixture
def settings(store: Store) -> WorkerSettings:
    return WorkerSettings(
        folder=str(store.root),
        port=free_port(),
        status_port=free_port(),
        min_free_bytes=0,
        stall_s=3,
        quiet_s=0,
        allowed_ae_titles=("MODALITY",),
    )


@pytest.fixture
def archive() -> Iterator[Archive]:
    """A PACS that takes everything."""
    made = Archive()
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(settings: WorkerSettings, authority: trustme.CA, tmp_path: Path) -> WorkerSettings:
    certificate = tmp_path / "own.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return dataclasses.replace(
        settings, tls_certificate=str(certificate), tls_authority=str(tmp_path / "authority.pem"), stall_s=5
    )


@pytest.fixture(scope="session")
def slices() -> tuple[Path, ...]:
    return tuple(sorted(STUDY.glob("*.dcm")))
