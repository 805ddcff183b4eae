"""Whether what was learned is there: each file that the settings name is loaded, as an analysis would."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import CalcinosisError
from pipeline.knowledge.settings import SegmentationSettings
from pipeline.model.lesion import ModelDigest
from pipeline.segmentation import component_judgement, ct, network
from pipeline.segmentation.decision import second_look
from pipeline.segmentation.inference import session


@dataclass(frozen=True, slots=True)
class ModelState:
    """A learned part: its name and SHA-256, or with `reason` why it cannot be used."""

    name: str
    sha256: str
    reason: str


def model_states(settings: SegmentationSettings) -> Iterator[ModelState]:
    """Load every file that an analysis with `settings` would use, one after the other."""
    radiograph = Path(settings.radiograph_model) if settings.radiograph_model else network.MODEL
    models = ct.models_of(settings)
    yield _loaded(radiograph, lambda path: session(path)[1])
    yield _loaded(component_judgement.MODEL, lambda path: session(path)[1])
    if models.network is not None:
        yield _loaded(models.network, lambda path: session(path)[1])
    yield _loaded(models.trees, lambda path: second_look(path).digest)


def _loaded(path: Path, load: Callable[[Path], ModelDigest]) -> ModelState:
    try:
        digest = load(path)
    except (CalcinosisError, OSError, ValueError) as error:
        return ModelState(path.stem, "", str(error).splitlines()[0])
    return ModelState(digest.name, digest.sha256, "")
