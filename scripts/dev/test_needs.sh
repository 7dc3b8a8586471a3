#!/bin/sh
# Brings what the tests need beyond Python packages. On Debian as root it installs it; elsewhere it says what is skipped.
set -eu
say() { printf '%s\n' "judgify test: $*" >&2; }

missing=""
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 \
    || command -v google-chrome >/dev/null 2>&1 || missing="$missing chromium"
ls /usr/share/fonts/truetype/nanum/*.ttf >/dev/null 2>&1 || missing="$missing fonts-nanum"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1; then
    say "installing$missing (once)"
    apt-get update -qq >/dev/null 2>&1 || say "the package list could not be refreshed; going on with the old one"
    # shellcheck disable=SC2086 # one word per package is meant
    if ! DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1; then
        say "could not install$missing; the tests that need them will be skipped and say so"
    fi
else
    say "not installed here:$missing; the tests that need them will be skipped and say so"
fi
