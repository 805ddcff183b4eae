"""`calcinosis module`: the command that other programs call."""

import argparse
import os
import sys
from pathlib import Path

HOSTS = ("mercure", "monai", "kaapana")
MODULE_EXAMPLES = (
    "calcinosis module                                     the host is seen from the environment",
    "MERCURE_IN_DIR=in MERCURE_OUT_DIR=out calcinosis module --host mercure",
)


def add_module(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--host", choices=HOSTS, help="who calls (default: seen from the environment)")
    parser.add_argument("--settings", type=Path, help="settings file (YAML)")
    parser.set_defaults(command=run_module)


def run_module(options: argparse.Namespace) -> int:
    """Do what the host asks for; its folders and settings come from the environment."""
    from pipeline.batch.hosts import calls
    from pipeline.batch.module import answer
    from pipeline.knowledge.places import configs
    from pipeline.knowledge.settings_loading import load_settings
    from pipeline.model.identity import file_stem

    host, work = calls(options.host, os.environ)
    settings = load_settings(options.settings or configs() / "settings.yaml")
    done = answer(host, work, settings, len(os.sched_getaffinity(0)))
    for row in done.result["studies"]:
        print(
            f"{file_stem(row['study_instance_uid'])}: {row['status']} {row['reason'] or ''}".rstrip(), file=sys.stderr
        )
    return done.code
