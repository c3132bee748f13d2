# What SshHost has a host do: sent to `sh -s` where there is no gate, and the working half of infra/gate/hostwire-gate.
# shellcheck shell=sh
# Needs: set -fu, IFS=' ', PATH, nonce (32 hex digits), seconds. Every answer on standard output begins with the mark, which
# only whoever asked knows, so that neither a login shell nor the content of a file can speak for this script.

fail() { # fail CODE: the ask as a whole could not be asked
  printf '%s %s\n' "$nonce" "$1" >&2
  exit 76
}

mark() { printf 'M=%s\0' "$nonce"; }

# Runs argv in a clean environment, killed after $seconds where timeout(1) is there.
clean() {
  if command -v timeout >/dev/null; then set -- timeout -s KILL "$seconds" "$@"; fi
  env -i PATH="$PATH" LC_ALL=C LANG=C HOME=/ "$@" </dev/null
}

why_not() { # why_not PATH: prints why a path that cannot be used is no use, as an errno name
  folder=$1
  while [ "$folder" != "${folder%/*}" ]; do
    folder=${folder%/*}
    [ -d "${folder:-/}" ] && break
    if [ -e "$folder" ]; then
      echo ENOTDIR
      return
    fi
  done
  if [ -d "${folder:-/}" ] && [ ! -x "${folder:-/}" ]; then
    echo EACCES
  elif [ -e "$1" ]; then
    echo "${2:-EACCES}"
  else
    echo ENOENT
  fi
}

list_folder() { # list_folder PATH: the names in it, each followed by NUL
  [ -d "$1" ] || return 1
  [ -r "$1" ] && [ -x "$1" ] || return 1
  set +f
  for entry in "${1%/}"/* "${1%/}"/.*; do
    case ${entry##*/} in
      . | ..) continue ;;
      '*' | '.*') [ -e "$entry" ] || [ -L "$entry" ] || continue ;;
    esac
    printf '%s\0' "${entry##*/}"
  done
  set -f
}

# batch WORD...: each word is r, d or l (read, list, link) and a path. Answers in that order, each after a mark; a last mark
# and `end`. What could not be asked is an empty answer and a line on standard error: of cat(1), or nonce, place and code.
# `admit` sets $path, and $denied if it may not be asked.
batch() {
  at=0
  waiting=0
  fresh=yes
  for word in "$@"; do
    [ -z "$fresh" ] || set --
    fresh=
    admit "$word"
    case $word in
      r/proc/* | r/sys/*) ;;
      # Whoever reads a pipe or a device may wait for ever.
      r*) [ -n "$denied" ] || [ ! -e "$path" ] || [ -f "$path" ] || [ -d "$path" ] || denied=ENXIO ;;
    esac
    case $word in
      r*)
        set -- "$@" /proc/self/environ
        if [ -n "$denied" ]; then printf '%s %s %s\n' "$nonce" "$at" "$denied" >&2; else set -- "$@" "$path"; fi
        waiting=$((waiting + 1))
        if [ "$waiting" -ge 100 ]; then
          read_all "$@"
          set --
          waiting=0
        fi
        ;;
      *)
        if [ "$waiting" -gt 0 ]; then
          read_all "$@"
          set --
          waiting=0
        fi
        mark
        if [ -z "$denied" ]; then
          case $word in
            d*) list_folder "$path" || denied=$(why_not "$path" "$([ -d "$path" ] || echo ENOTDIR)") ;;
            *) clean readlink -n "$path" || denied=$(why_not "$path" EINVAL) ;;
          esac
        fi
        [ -z "$denied" ] || printf '%s %s %s\n' "$nonce" "$at" "$denied" >&2
        ;;
    esac
    at=$((at + 1))
  done
  [ "$waiting" -eq 0 ] || read_all "$@"
  mark
  printf end
}

# One cat for many files. Between them it reads its own environment, which holds the mark: it may read that without a file
# having to be written, and no other user may.
read_all() {
  if command -v timeout >/dev/null; then set -- timeout -s KILL "$seconds" cat -- "$@"; else set -- cat -- "$@"; fi
  env -i "M=$nonce" "$@" </dev/null
}

# run never|direct|root COMMAND ARG...: root: it needs root, and sudo may be asked for it; never: and may not.
run() {
  rights=$1
  shift
  found=$(command -v -- "$1") || fail ENOENT
  case $found in /*) [ -x "$found" ] || fail EACCES ;; esac
  if [ "$rights" != direct ] && [ "$(id -u)" != 0 ]; then
    [ "$rights" = root ] || fail NEEDSROOT
    command -v sudo >/dev/null || fail NOSUDO
    set -- sudo -n -- "$@"
  fi
  if command -v timeout >/dev/null; then set -- timeout -s KILL "$seconds" "$@"; fi
  mark
  printf '%s\n' "$nonce" >&2
  exec env -i PATH="$PATH" LC_ALL=C LANG=C HOME="${HOME:-/}" "$@" </dev/null
}

# file_system PATH DEVICE: statfs(2) of PATH, if DEVICE (major:minor) is what is mounted there; `-`: whatever is.
file_system() {
  if [ "$2" != - ] && [ "$(device_at "$1")" != "$2" ]; then fail ENOENT; fi
  mark
  clean stat -f -c '%s %b %f %a %c %d' -- "$1" 2>/dev/null || fail "$(why_not "$1")"
}

device_at() { # device_at PATH: what this process sees mounted there (proc_pid_mountinfo(5)); the last mount is seen
  place=$(printf '%s' "$1" | sed 's/\\/\\134/g; s/ /\\040/g; s/	/\\011/g')
  device=
  while read -r _ _ id _ mounted _; do
    [ "$mounted" != "$place" ] || device=$id
  done </proc/self/mountinfo
  printf '%s' "$device"
}

# http -i|-I SOCKET PATH: the answer to a GET or HEAD as it comes, with its head.
http() {
  [ -e "$2" ] || fail "$(why_not "$2")"
  [ -S "$2" ] || fail ECONNREFUSED
  [ -w "$2" ] || fail EACCES
  mark
  if command -v curl >/dev/null; then
    clean curl -q -s -S -g "$1" --raw --http1.0 --path-as-is --noproxy '*' --unix-socket "$2" "http://localhost$3"
  elif command -v perl >/dev/null; then
    # shellcheck disable=SC2016 # they are perl's
    clean perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Peer => $ARGV[1]) or exit 7; $s->autoflush(1);
      print $s ($ARGV[0] eq "-I" ? "HEAD" : "GET") . " $ARGV[2] HTTP/1.0\r\nHost: localhost\r\n\r\n"; print while sysread($s, $_, 65536)' "$@"
  else
    fail ENOSYS
  fi
  status=$?
  [ "$status" -ne 7 ] || fail ECONNREFUSED
  exit "$status"
}
