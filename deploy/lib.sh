# Functions that the scripts of this folder share; sourced, never run.
# shellcheck shell=bash

set -Eeuo pipefail

# shellcheck disable=SC2034 # used by the scripts that source this
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Every tool gets one language and three open files, independent of how the script was started.
export LC_ALL=C.UTF-8
# Where a standard stream was closed, bash may have opened the script in its place.
is_open() { [ -e "/proc/$$/fd/$1" ] && ! [ "/proc/$$/fd/$1" -ef "$0" ]; }
is_open 0 || exec </dev/null
is_open 1 || exec >/dev/null
is_open 2 || exec 2>/dev/null

bold='' dim='' red='' green='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
fi

say() { printf '%s\n' "${bold}$*${plain}"; }
note() { printf '%s\n' "${dim}$*${plain}"; }
fail() {
    explained=yes
    printf '%s\n' "${red}$*${plain}" >&2
    exit 1
}

# A script that fails prints where and why. Bash reports a variable that is not set. A script that has to tidy up defines
# `clean_up`, which runs at every end.
explained='' step_process=''
trap 'report_failure $? "${BASH_SOURCE[0]}" "$LINENO" "$BASH_COMMAND"' ERR
trap 'leave $?' EXIT
trap 'report_signal HUP "$BASH_COMMAND"' HUP
trap 'report_signal INT "$BASH_COMMAND"' INT
trap 'report_signal PIPE "$BASH_COMMAND"' PIPE
trap 'report_signal TERM "$BASH_COMMAND"' TERM

report_failure() {
    local status=$1 reason=''
    [ "$status" -le 128 ] || reason=" ($(kill -l "$status" 2>/dev/null || true))"
    explained=yes
    printf '%s\n' "${red}$2, line $3: status $status$reason of: $4${plain}" >&2 || true
}

# Bash does not know at which line a signal arrived, so the report names the function and the command.
report_signal() {
    local place=${FUNCNAME[1]:-main}
    explained=yes
    printf '%s\n' "${red}$0: ended by SIG$1 in $place, at: $2${plain}" >&2 || true
    exit $((128 + $(kill -l "$1")))
}

leave() {
    local status=$1
    trap - ERR EXIT
    trap '' HUP INT PIPE TERM
    set +e
    [ "$status" -eq 0 ] || [ -n "$explained" ] || printf '%s\n' "${red}$0 ended with status $status.${plain}" >&2
    [ -z "$step_process" ] || kill "$step_process" 2>/dev/null
    if declare -F clean_up >/dev/null; then clean_up; fi
    exit "$status"
}

# alive PROCESS: whether it runs. A zombie does not; in a container, perhaps no process collects it.
alive() {
    local stat
    [ -n "$1" ] && stat=$(cat "/proc/$1/stat" 2>/dev/null) && [[ ${stat##*) } != Z* ]]
}

# end_process SIGNAL PROCESS: ends it, by SIGKILL after 30 s, and returns when it has ended.
end_process() {
    kill "-$1" "$2" 2>/dev/null || true
    for _ in $(seq 300); do
        alive "$2" || return 0
        sleep 0.1
    done
    kill -KILL "$2" 2>/dev/null || true
}

# step TEXT COMMAND...: runs a command whose output goes to a file, and shows the time that it takes. Prints the file when the command fails.
step() {
    local text=$1 log started pid status=0
    shift
    log=$(mktemp)
    started=$SECONDS
    "$@" >"$log" 2>&1 &
    pid=$!
    step_process=$pid
    while kill -0 "$pid" 2>/dev/null; do
        if [ -n "$plain" ]; then
            printf '\r%s %s' "$text" "${dim}$((SECONDS - started)) s${plain}"
        elif [ $(((SECONDS - started) % 30)) -eq 29 ]; then
            printf '%s\n' "$text … $((SECONDS - started)) s"
        fi
        sleep 1
    done
    wait "$pid" || status=$?
    step_process=''
    [ -z "$plain" ] || printf '\r\e[K'
    if [ "$status" -ne 0 ]; then
        printf '%s\n' "${red}$text: failed after $((SECONDS - started)) s${plain}" >&2
        tail -n 200 "$log" >&2
        rm -f "$log"
        return "$status"
    fi
    printf '%s\n' "${green}✓${plain} $text ${dim}$((SECONDS - started)) s${plain}"
    rm -f "$log"
}

# packages NAME...: prints and installs the missing Debian packages.
packages() {
    local missing=() name
    for name in "$@"; do
        [[ $(dpkg-query -W -f '${Status}' "$name" 2>/dev/null || true) == *'ok installed' ]] || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return
    say "Installing from Debian's packages: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "Only root installs packages, and there is no sudo. Run this as root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    # No package may start its server: the scripts start private instances of what they need.
    local policy=/usr/sbin/policy-rc.d made_policy=''
    if [ ! -e $policy ]; then
        "${as_root[@]}" tee $policy >/dev/null <<<$'#!/bin/sh\nexit 101'
        "${as_root[@]}" chmod +x $policy
        made_policy=yes
    fi
    step "apt-get update" "${as_root[@]}" apt-get update -q
    step "apt-get install" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" ||
        { [ -z "$made_policy" ] || "${as_root[@]}" rm -f $policy; fail "The packages cannot be installed."; }
    [ -z "$made_policy" ] || "${as_root[@]}" rm -f $policy
}

# Packages that the build needs, in addition to a Swift toolchain.
# shellcheck disable=SC2034
build_packages=(librabbitmq-dev libcurl4-openssl-dev libsqlite3-dev libssl-dev pkg-config)

# python_packages: installs in .venv what the end-to-end tests and chaos import.
python_packages() {
    [ -x .venv/bin/python ] || python3 -m venv .venv
    .venv/bin/python -m pip install -q -r Tests/EndToEnd/requirements.txt
}

need_swift() {
    command -v swift >/dev/null || fail "Swift 6.2 or newer is needed: install a toolchain from https://www.swift.org/install/linux/ and put it on the PATH."
}
