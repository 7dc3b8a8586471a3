#!/bin/sh
# Makes requirements/run.txt and requirements/dev.txt anew: universal, hash-pinned, without addresses.
set -eu
command -v uv >/dev/null 2>&1 || { echo "judgify lock: uv is needed: pip install uv" >&2; exit 1; }
compile() {
    uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --no-emit-index-url \
        --no-emit-find-links --python-version 3.11 "$@"
}
compile pyproject.toml -o requirements/run.txt
compile pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt
if grep -nE 'https?://|--(extra-)?index|--find-links' requirements/run.txt requirements/dev.txt; then
    echo "judgify lock: an address got into a requirement file" >&2
    exit 1
fi
