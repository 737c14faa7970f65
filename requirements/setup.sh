#!/bin/sh
# Makes .venv with everything that the demo and the tests need, from the lock files.
#
# usage: sh requirements/setup.sh [PYTHON]     from the root of the tree; `make setup` does it
#
# uv installs the packages, and pip installs uv: together a third of the time that pip
# takes alone. Where uv cannot work, pip does it all. The stamp is written last, and a
# .venv without one is made afresh: an interrupted install can leave a package that looks
# complete and is not. What was downloaded by then is in the installers' caches.

set -eu

asked=${1:-}
stamp=.venv/.ready # line 1: this directory, line 2: the interpreter
log=.venv/.log
began=$(date +%s)

say() { printf '%s\n' "setup: $*"; }

die() {
    say "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# --- an interpreter -----------------------------------------------------------------

suits() {
    # Version managers leave shims of versions that are not there, hence a real run.
    "$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for python in ${asked:+"$asked"}; do # at most one, and it may contain spaces
        suits "$python" || refuse "$python"
        return
    done
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        if suits "$python"; then return; fi
    done
    refuse python3
}

refuse() {
    found=$("$1" --version 2>&1) || found="it does not run"
    if "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        die "$1 ($found) lacks the standard library's venv module." \
            "Debian and Ubuntu have it in a package: apt-get install python3-venv"
    fi
    die "moorline needs Python 3.11 or newer. $1: $found" \
        "Install one, or name one: make setup PYTHON=/path/to/python3.13"
}

reusable() {
    [ -e "$stamp" ] && [ "$(sed -n 1p "$stamp")" = "$(pwd -P)" ] &&
        { [ -z "$asked" ] || [ "$(sed -n 2p "$stamp")" = "$asked" ]; } &&
        .venv/bin/python -c '' 2>/dev/null
}

# --- installers ---------------------------------------------------------------------

pip=
run_pip() {
    if [ -z "$pip" ]; then
        # The interpreter's own pip saves the three seconds that ensurepip takes.
        if "$python" -m pip --python .venv/bin/python --version >/dev/null 2>&1; then
            pip=outside
        elif .venv/bin/python -m ensurepip >"$log" 2>&1; then
            pip=inside
        else
            pip=none
        fi
    fi
    case $pip in
    outside) "$python" -m pip --python .venv/bin/python --disable-pip-version-check "$@" ;;
    inside) .venv/bin/python -m pip --disable-pip-version-check "$@" ;;
    none) return 1 ;;
    esac
}

find_uv() {
    # Only as a wheel: building uv takes a Rust compiler and minutes.
    if [ -x .venv/bin/uv ] || run_pip install --quiet --require-hashes \
        --only-binary :all: -r requirements/bootstrap.txt >"$log" 2>&1; then
        uv=.venv/bin/uv
    else
        uv=uv
    fi
    if ! "$uv" --version >/dev/null 2>&1; then
        uv=
        if [ "$pip" = none ]; then
            cat "$log" >&2
            die "$python has neither pip nor ensurepip, and there is no uv." \
                "Debian and Ubuntu have it in a package: apt-get install python3-venv"
        fi
        say "no uv here, and pip takes longer: $(grep -i error "$log" | head -n 1)"
        return
    fi
    # uv stops where it cannot write its cache, as under a user without a home.
    cache=${UV_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/uv}
    if ! { mkdir -p "$cache" && [ -w "$cache" ]; } 2>/dev/null; then
        export UV_CACHE_DIR=.venv/.cache
    fi
}

run_uv() {
    # Lets downloads and errors through, not one line for each package.
    rm -f .venv/.failed
    { "$uv" --no-progress pip "$@" --python .venv/bin/python 2>&1 || : >.venv/.failed; } |
        sed -e '/^ [-+~] /d' -e '/^ *Downloaded /d' -e '/^ *Built /d' \
            -e '/^ *Building /d' -e '/^Using Python/d' \
            -e '/^[A-Z][a-z]*ed [0-9]* package/d' -e 's/^/       /'
    [ ! -e .venv/.failed ]
}

install_packages() {
    # sync removes what is in none of these: the tools that `make lint` and `make docs`
    # have added stay.
    set -- requirements/bootstrap.txt requirements/dev.txt
    for tools in frames lint docs; do
        if [ -e ".venv/.$tools" ]; then set -- "$@" "requirements/$tools.txt"; fi
    done
    if [ -n "$uv" ]; then
        run_uv sync --require-hashes "$@" && return
        say "uv could not do it, trying pip"
    fi
    run_pip install --quiet --require-hashes -r requirements/dev.txt
}

install_moorline() {
    if [ -n "$uv" ]; then
        run_uv install --no-deps --no-build-isolation --editable . && return
        say "uv could not do it, trying pip"
    fi
    run_pip install --quiet --no-deps --no-build-isolation --editable .
}

# --- the stages ---------------------------------------------------------------------

if reusable; then
    python=$(sed -n 2p "$stamp")
    say "requirements changed, updating .venv"
    rm -f "$stamp"
else
    find_python
    say "making .venv with $("$python" --version) ($python)"
    rm -rf .venv
    "$python" -m venv --without-pip .venv
fi
say "looking for uv, the installer"
find_uv
say "installing $(grep -c '==' requirements/dev.txt) packages (70 MB, where nothing is cached yet)"
install_packages || die "the packages could not be installed; the reason is above."
say "installing moorline, editable"
install_moorline || die "moorline could not be installed; the reason is above."
printf '%s\n' "$(pwd -P)" "$python" >"$stamp"
touch .venv/.kernel # compiled with the rest, where there is a compiler
say "done in $(($(date +%s) - began)) s"
