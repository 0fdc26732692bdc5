# What the scripts of this folder share; sourced, never run.
# shellcheck shell=bash

set -euo pipefail

# shellcheck disable=SC2034 # used by the scripts that source this
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' plain=''
fi

say() { printf '%s\n' "${bold}$*${plain}"; }
note() { printf '%s\n' "${dim}$*${plain}"; }
fail() {
    printf '%s\n' "${red}$*${plain}" >&2
    exit 1
}

# step TEXT COMMAND...: runs a command whose output goes to a file, and shows that it lives; the file is shown when the command fails.
step() {
    local text=$1 log started pid status=0
    shift
    log=$(mktemp)
    started=$SECONDS
    "$@" >"$log" 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        if [ -t 1 ]; then
            printf '\r%s %s' "$text" "${dim}$((SECONDS - started)) s${plain}"
        elif [ $(((SECONDS - started) % 30)) -eq 29 ]; then
            printf '%s\n' "$text … $((SECONDS - started)) s"
        fi
        sleep 1
    done
    wait "$pid" || status=$?
    [ -t 1 ] && printf '\r\e[K'
    if [ "$status" -ne 0 ]; then
        printf '%s\n' "${red}$text: failed after $((SECONDS - started)) s${plain}" >&2
        tail -n 200 "$log" >&2
        rm -f "$log"
        return "$status"
    fi
    printf '%s\n' "${green}✓${plain} $text ${dim}$((SECONDS - started)) s${plain}"
    rm -f "$log"
}

# packages NAME...: installs what is missing of Debian's packages, saying so.
packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return
    say "Installing from Debian's packages: ${missing[*]}"
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    # A server that a package brings must not be started: what is needed is started here, as a private instance.
    local policy=/usr/sbin/policy-rc.d made_policy=''
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
        "${as_root[@]}" chmod +x $policy
        made_policy=yes
    fi
    step "apt-get update" "${as_root[@]}" apt-get update -q
    step "apt-get install" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" ||
        { [ -z "$made_policy" ] || "${as_root[@]}" rm -f $policy; exit 1; }
    [ -z "$made_policy" ] || "${as_root[@]}" rm -f $policy
}

# What building takes, besides a Swift toolchain.
# shellcheck disable=SC2034
build_packages=(librabbitmq-dev libcurl4-openssl-dev libsqlite3-dev libssl-dev pkg-config)

need_swift() {
    command -v swift >/dev/null || fail "Swift 6.2 or newer is needed: install a toolchain from https://www.swift.org/install/linux/ and put it on the PATH."
}
