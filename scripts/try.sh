#!/bin/sh
# Installs the program into .venv and analyses the sample studies. Needs Python 3.11 to 3.13 with pip and venv.
set -eu
cd "$(dirname "$0")/.."
[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check .
.venv/bin/calcinosis run sample_data/studies -o out
