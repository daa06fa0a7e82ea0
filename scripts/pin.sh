#!/bin/sh
# Writes constraints.txt: every package a fresh `pip install -e .[dev]` brings, at its version.
# Run it with the oldest Python there is (PYTHON=...): what that one can install, all can.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install --quiet --quiet --upgrade pip
# The peer of the benches (extra `bench`) refuses newer ones of these two.
"$folder/bin/pip" install --quiet --quiet hatchling editables \
    'python-dateutil<3' 'fsspec<=2026.6.0' -e '.[dev]'
{
    printf '# Written by `make pins`: the versions that are tested. Not edited by hand.\n'
    "$folder/bin/pip" freeze --all --exclude-editable | grep -v '^setuptools=='
} >constraints.txt
