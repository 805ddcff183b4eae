#!/bin/sh
# Installs the program with what its checks need into .venv-dev and runs them all: format, lint, types, floors, pages, tests.
set -eu
cd "$(dirname "$0")/.."
[ -x .venv-dev/bin/python ] || "${PYTHON:-python3}" -m venv .venv-dev
.venv-dev/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,dask]'
PATH="$PWD/.venv-dev/bin:$PATH"
export PATH OMP_NUM_THREADS=1
ruff format --check pipeline tests training scripts
ruff check pipeline tests training scripts
mypy
lint-imports
mkdocs build --strict --quiet
python -m pytest "$@"
