#!/bin/sh
# Makes .venv and installs polpo-lab into it, with the versions of constraints.txt.
# Called by make; PYTHON names the Python to use, else the first that is new enough is taken.
set -eu
cd "$(dirname "$0")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '%s\n' "$*" >&2; }
is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    say "polpo-lab needs Python 3.11 or newer."
    say "Tried: ${PYTHON:-python3} ($("${PYTHON:-python3}" --version 2>&1 || true))."
    say "Install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name one:"
    say "    make PYTHON=/path/to/python3 ..."
    exit 1
}

# Debian splits ensurepip off: without it `python3 -m venv` stops half way.
check_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    say "This Python ($1) cannot make virtual environments: its venv or ensurepip is missing."
    say "On Debian and Ubuntu install it, then run make again:"
    say "    apt-get install $package      (or: apt-get install python3-venv)"
    exit 1
}

# A .venv that still works here is kept and brought up to date.
is_usable() {
    is_new_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1 &&
        { [ ! -e .venv/.ready ] || [ "$(cat .venv/.ready)" = "$PWD" ]; }
}

if ! is_usable; then
    python=$(find_python)
    check_venv "$python"
    say "Making .venv with $("$python" --version) ..."
    "$python" -m venv --clear .venv
fi
rm -f .venv/.ready
say "Installing into .venv (a minute or two the first time) ..."
install() { .venv/bin/python -m pip install --quiet --quiet -c constraints.txt "$@"; }
# pip itself first: the one a distribution ships may be too old to solve the pins. Then the
# build backend, pinned too, so that no build fetches anything of its own.
install pip
install hatchling editables
install --no-build-isolation -e '.[dev]'
printf '%s' "$PWD" >.venv/.ready
