#!/bin/sh
# Make the virtual environment that every make target runs in, with the first fitting Python on this machine.
# Usage: create_venv.sh DIRECTORY   (PYTHON=... in the environment names an interpreter to try first)
set -eu
venv=$1

say() { printf 'comanda: %s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }
fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

if fits "$venv/bin/python"; then
    exit 0
fi

python=
for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if fits "$name"; then
        python=$name
        break
    fi
done

if [ -n "$python" ] && "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    say "making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
elif has uv; then
    # uv brings a Python of its own where the machine has none that fits.
    say "making $venv with uv"
    uv venv --quiet --seed --clear --python "${python:->=3.11}" "$venv"
elif [ -z "$python" ]; then
    say "Python 3.11 or newer is needed, and none is on PATH."
    say "Debian, Ubuntu: apt install python3 python3-venv     macOS: brew install python@3.13"
    exit 1
elif has virtualenv; then
    say "making $venv with virtualenv"
    virtualenv --quiet --clear --python "$python" "$venv"
else
    say "$("$python" --version) is here, but it cannot make virtual environments (no ensurepip)."
    say "Debian, Ubuntu: apt install python3-venv     anywhere else: install uv or virtualenv"
    exit 1
fi
