#!/bin/sh
# Proves the README: a fresh clone in a folder nobody else can read, a fresh home, the first command, real data, a real
# fault, the end. Usage: fresh_clone.sh [--no-drill]. Takes about two minutes; leaves nothing behind.
# FRESH_UP_S (30): how many seconds `up` may take. What else is wrong is shown before a slow start fails it.
set -eu

source=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
stage=$(mktemp -d "${TMPDIR:-/tmp}/judgify-fresh.XXXXXX")
chmod 755 "$stage"
export HOME="$stage/home" JUDGIFY_HOME="$stage/state" JUDGIFY_PORT_BASE="${JUDGIFY_PORT_BASE:-18600}"
unset DATABASE_URL REDIS_URL JWT_SECRET XDG_DATA_HOME 2>/dev/null || true
clone=$HOME/judgify
most=${FRESH_UP_S:-30}
code_only=0
say() { printf '%s\n' "fresh clone: $*"; }

finish() {
    code=$?
    trap - EXIT INT TERM
    [ -x "$clone/judgify" ] && "$clone/judgify" down >/dev/null 2>&1 || true
    if [ "$code" -ne 0 ] && [ "$code_only" = 0 ]; then
        say "FAILED; last lines of the logs:"
        for log in "$JUDGIFY_HOME"/logs/*.log; do
            [ -s "$log" ] && printf -- '--- %s\n' "$log" && tail -n 15 "$log"
        done
    fi
    rm -rf "$stage"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

mkdir -m 700 "$HOME"
git clone --quiet "$source" "$clone"
cd "$clone"
./judgify --version >/dev/null # makes .venv; what follows is timed with the packages installed
ln -s "$clone/judgify" "$stage/link"
(cd / && "$stage/link" --version >/dev/null) || { say "the script is not found through a link"; exit 1; }

begun=$(date +%s)
./judgify up --detach
took=$(($(date +%s) - begun))
say "up in $took s"

./judgify status
for path in health api/v2/workflow/health api/v2/judgment/health api/v2/dashboard/health api/v2/action/health \
    api/v2/logging/health api/v2/notification/health; do
    curl -fsS -o /dev/null "http://localhost:$JUDGIFY_PORT_BASE/$path" || { say "curl -f /$path failed"; exit 1; }
done
say "every curl -f of the guide's 2.2 succeeds"

./judgify judgment execute equipment-sensors examples/equipment_sensors.csv
./judgify judgment execute production-line examples/production_line.csv
./judgify judgment execute quality-inspection examples/quality_inspection.csv
./judgify guide check
[ "${1:-}" = "--no-drill" ] || ./judgify drill run judgment-service-down

./judgify status --json >"$stage/status.json"
pids=$(.venv/bin/python - "$stage/status.json" <<'PY'
import json, sys
def pids(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "pid" and isinstance(inner, int):
                yield inner
            else:
                yield from pids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from pids(inner)
print(*sorted(set(pids(json.load(open(sys.argv[1], encoding="utf-8"))))))
PY
)
[ "$(printf '%s' "$pids" | wc -w)" -ge 10 ] || { say "status names too few processes: $pids"; exit 1; }
./judgify down
for pid in $pids; do
    if [ -d "/proc/$pid" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status"; then
        say "process $pid is still there after down: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
        exit 1
    fi
done
say "down left no process behind"
[ "$took" -le "$most" ] || { say "up took $took s, more than $most s"; code_only=1; exit 1; }
say "everything held"
