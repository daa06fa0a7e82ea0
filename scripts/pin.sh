#!/bin/sh
# Writes constraints.txt: every package a fresh `pip install -e .[dev]` brings, at its version.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
# python-dateutil: the peer of the benches (extra `bench`) refuses 3 and newer.
"$folder/bin/pip" install --quiet hatchling editables 'python-dateutil<3' -e '.[dev]'
{
    printf '# Written by `make pins`: the versions that are tested. Not edited by hand.\n'
    "$folder/bin/pip" freeze --exclude-editable
} >constraints.txt
