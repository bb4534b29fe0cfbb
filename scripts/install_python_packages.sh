#!/bin/sh
# Installs pinned requirements, and Comanda itself as an editable package, into the virtual environment.
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
install --requirement "$requirements"
# The pins are the whole truth: the project's own, wider ranges are not resolved again.
install --no-deps --editable .
