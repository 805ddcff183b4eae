"""Where configs/ lies: inside the installed package, or at the root of a checkout."""

from importlib import resources
from pathlib import Path

from pipeline.errors import ConfigurationError
from pipeline.knowledge.nearest import meant


def configs() -> Path:
    """The folder with knowledge/, profiles/, findings.yaml, advice.yaml and settings.yaml."""
    package = Path(str(resources.files("pipeline")))
    for folder in (package / "configs", package.parent / "configs"):
        if (folder / "knowledge").is_dir():
            return folder
    raise ConfigurationError(f"{package / 'configs'}: the knowledge files are missing; install the program again")


def profile_path(profile: str | Path) -> Path:
    """The file of a profile: one that comes with the program by its name, else a path."""
    named = configs() / "profiles" / f"{profile}.yaml"
    if isinstance(profile, str) and "/" not in profile and not profile.endswith((".yaml", ".yml")):
        if named.is_file():
            return named
        shipped = sorted(p.stem for p in named.parent.glob("*.yaml"))
        said = ", ".join(shipped)
        raise ConfigurationError(
            f"profile {profile}: not among {said}; name one of them or give a file{meant(profile, shipped)}"
        )
    return Path(profile)
