#!/bin/sh
# Pins every library of the runtime with the digests of its files, for Python 3.11 to 3.13: deploy/requirements.lock.
# Needs uv (pip install uv). Then look for known weaknesses: pip install pip-audit && pip-audit -r deploy/requirements.lock
set -eu
cd "$(dirname "$0")/.."
lock=deploy/requirements.lock
{
    echo "# Every library of the runtime, pinned, with the digests of its files. Made by: sh scripts/lock.sh"
    uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
        --python-version 3.11 "$@" pyproject.toml
} >"$lock.part"
mv "$lock.part" "$lock"
