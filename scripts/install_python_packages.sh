#!/bin/sh
# Install pinned requirements, and Comanda itself as an editable package, into the virtual environment.
# Usage: install_python_packages.sh VENV REQUIREMENTS_FILE
set -eu
venv=$1
requirements=$2

if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
else
    # An environment made by `uv venv` has no pip in it.
    install() { uv pip install --quiet --python "$venv/bin/python" "$@"; }
fi

printf 'comanda: installing the Python packages of %s\n' "$requirements" >&2
# The locks are complete: nothing is resolved here. (pip 23 finds no pin for a requirement with extras.)
install --no-deps --require-hashes --requirement "$requirements"
install --no-deps --require-hashes --requirement requirements-build.txt
# The pins decide: the project's own, wider ranges are not resolved again.
install --no-deps --no-build-isolation --editable .
