#!/bin/sh
# hostwire-gate: what a gateway's key may ask of this host, and nothing else. Forced by authorized_keys:
#   restrict,command="/usr/local/lib/hostwire/hostwire-gate" ssh-ed25519 AAAA...
# It reads: files of /proc and /sys but those that hold secrets, and the files, commands and requests that Hostwire's collectors
# declare. It writes nothing. What it refuses is a line on standard error, one in the system's log, and exit code 77.
# @BANNER@
set -fu
umask 077
# /usr/bin/env, cat, stat and all else are looked up here, whatever the caller or his session says.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
unset ENV BASH_ENV CDPATH GREP_OPTIONS
IFS=' '
VERSION=1

complain() { # complain REASON: on standard error, and the first time in the log
  printf 'hostwire-gate: refused: %s\n' "$1" >&2
  [ -z "$complained" ] || return 0
  complained=yes
  if command -v logger >/dev/null; then
    logger -t hostwire-gate -p auth.warning -- "refused: $1 (from ${SSH_CLIENT%% *})" 2>/dev/null </dev/null || :
  fi
}
complained=
SSH_CLIENT=${SSH_CLIENT-unknown}

refuse() { # refuse REASON
  complain "$1"
  exit 77
}

# @WORKER@

# decode WORD: sets $decoded. %XX is a character that can be seen, a blank or a tab; %_ is nothing. No line end, NUL, or byte
# beyond ASCII is asked for by any collector.
decode() {
  decoded=
  rest=$1
  while :; do
    case $rest in
      *%*) ;;
      *)
        decoded=$decoded$rest
        return 0
        ;;
    esac
    decoded=$decoded${rest%%\%*}
    rest=${rest#*%}
    case $rest in
      _*)
        rest=${rest#?}
        continue
        ;;
      09*) character=$TAB ;;
      20*) character=' ' ;;
      21*) character='!' ;;
      22*) character='"' ;;
      23*) character='#' ;;
      24*) character='$' ;;
      25*) character=% ;;
      26*) character='&' ;;
      27*) character="'" ;;
      28*) character='(' ;;
      29*) character=')' ;;
      2A*) character='*' ;;
      3B*) character=';' ;;
      3C*) character='<' ;;
      3E*) character='>' ;;
      3F*) character='?' ;;
      5B*) character='[' ;;
      5C*) character=\\ ;;
      5D*) character=']' ;;
      5E*) character='^' ;;
      60*) character='`' ;;
      7B*) character='{' ;;
      7C*) character='|' ;;
      7D*) character='}' ;;
      7E*) character='~' ;;
      *) return 1 ;;
    esac
    rest=${rest#??}
    decoded=$decoded$character
  done
}
TAB=$(printf '\t')

fits() { # fits ERE TEXT: the whole of it
  printf '%s\n' "$2" | grep -Eqx -e "$1"
}

# is_plain PATH: absolute, without . and .. and empty parts, and of characters that mean nothing to a shell.
is_plain() {
  case $1 in
    [!/]* | '') return 1 ;;
    *[!A-Za-z0-9_./:,@%+=~#\ -]*) return 1 ;;
  esac
  case $1/ in
    *//?* | */./* | */../*) return 1 ;;
  esac
}

# is_kernels PATH: what may be read of /proc and /sys. Of a process only what tells how it fares: not its environment, arguments,
# memory, files and folders.
is_kernels() {
  case $1 in
    /proc | /sys) ;;
    /proc/self/* | /proc/thread-self/* | /proc/[0-9]*/*)
      own=${1#/proc/}
      case ${own%%/*} in self | thread-self) ;; *[!0-9]*) return 1 ;; esac
      case ${own#*/} in
        stat | statm | status | comm | cgroup | io | limits | mountinfo | mounts | schedstat | oom_score | oom_score_adj | loginuid) ;;
        net/*/*) return 1 ;;
        net/*) ;;
        *) return 1 ;;
      esac
      ;;
    /proc/kcore* | /proc/kmsg* | /proc/kpage* | /proc/kallsyms* | /proc/key* | /proc/vmcore* | /proc/sysrq* | /proc/timer_list*) return 1 ;;
    /proc/*) ;;
    /sys/kernel/debug* | /sys/kernel/tracing* | /sys/kernel/security* | /sys/kernel/config* | /sys/firmware*) return 1 ;;
    /sys/fs/bpf* | /sys/fs/pstore* | /sys/fs/selinux* | /sys/fs/smackfs*) return 1 ;;
    /sys/*/config | /sys/*/rom | /sys/*/vpd | /sys/*/resource[0-9]* | /sys/*/mmio*) return 1 ;;
    /sys/*) ;;
    *) return 1 ;;
  esac
}

# stays PATH: where its links lead is also allowed. Links of /proc and /sys are followed by the shell itself, without a program.
stays() {
  cd -P -- "${1%/*}/" 2>/dev/null || return 0
  real=${PWD%/}/${1##*/}
  cd / || return 1
  is_kernels "$real" || return 1
  [ -L "$real" ] || return 0
  real=$(readlink -f -- "$real") || return 0
  is_kernels "$real"
}

# @LISTS@

# may_look KIND PATH: r, d and l as batch has them; sets $reason.
may_look() {
  reason="$2 is not on the list"
  is_plain "$2" || {
    reason='a path that is not plain'
    return 1
  }
  case $2 in
    /proc | /sys | /proc/* | /sys/*)
      is_kernels "$2" || return 1
      [ "$1" = l ] && case $2 in /proc/*) return 1 ;; *) return 0 ;; esac
      case $2 in
        /proc/self/* | /proc/[0-9]*) return 0 ;;
      esac
      reason="$2 leads elsewhere"
      stays "$2"
      ;;
    *) may_look_beyond "$1" "$2" ;;
  esac
}

admit() {
  path=
  denied=
  decode "$1" && path=${decoded#?} || denied=EACCES
  [ -n "$denied" ] || case $decoded in
    [rdl]*) may_look "${decoded%"${decoded#?}"}" "$path" || denied=EACCES ;;
    *) denied=EACCES ;;
  esac
  [ -z "$denied" ] || complain "${reason-a word that is none}"
  reason='a word that is none'
  [ -z "$denied" ] || refused=yes
}

# as_given FUNCTION WORD...: calls it with the words decoded.
as_given() {
  called=$1
  fresh=yes
  for word in "$@"; do
    if [ -n "$fresh" ]; then
      set --
      fresh=
      continue
    fi
    decode "$word" || refuse 'a word that is none'
    set -- "$@" "$decoded"
  done
  "$called" "$@"
}

checked_run() {
  case ${1-} in direct | root | never) ;; *) refuse 'rights that are none' ;; esac
  [ $# -ge 2 ] || refuse 'no command'
  may_run "$@" || refuse "the command $(printf '%.100s' "$2" | tr -cd 'A-Za-z0-9_./-') with these arguments is not on the list"
  run "$@"
}

checked_file_system() {
  [ $# -eq 2 ] || refuse 'not a path and a device'
  case $2 in - | [0-9]*:[0-9]*) ;; *) refuse 'a device that is none' ;; esac
  # No more than the size of what is mounted is told; of a folder that is no mount point nothing is, not even that it is there.
  case $1/ in [!/]* | *//?* | */./* | */../*) refuse 'a path that is not plain' ;; esac
  [ -n "$(device_at "$1")" ] || fail ENOENT
  file_system "$@"
}

checked_http() {
  [ $# -eq 3 ] || refuse 'not a method, a socket and a path'
  [ "$1" = -i ] || refuse 'a method that is not GET'
  may_get "$2" "$3" || refuse 'a request that is not on the list'
  http "$@"
}

hello() {
  mark
  printf 'gate %s' "$VERSION"
}

request=${SSH_ORIGINAL_COMMAND-}
case $request in
  '') refuse 'no request: this key opens no shell' ;;
  *[!A-Za-z0-9_./:,@%+=\ -]*) refuse 'characters that no request holds' ;;
esac
[ ${#request} -le 100000 ] || refuse 'a request that is too long'
# shellcheck disable=SC2086 # it is split at blanks, and nothing is expanded in it (set -f)
set -- $request
[ "${1-}" = "hostwire-$VERSION" ] || refuse 'not a request of Hostwire, or of another version'
[ $# -ge 4 ] || refuse 'a request that is not whole'
verb=$2
nonce=$3
seconds=$4
shift 4
case $nonce in *[!0-9a-f]*) refuse 'a nonce that is none' ;; esac
[ ${#nonce} -eq 32 ] || refuse 'a nonce that is none'
case $seconds in [1-9] | [1-9][0-9] | [1-2][0-9][0-9] | 30[0-9]) ;; *) refuse 'a time that is none' ;; esac
refused=
case $verb in
  hello) hello ;;
  batch)
    reason='a word that is none'
    batch "$@"
    [ -z "$refused" ] || exit 77
    ;;
  run) as_given checked_run "$@" ;;
  file_system) as_given checked_file_system "$@" ;;
  http) as_given checked_http "$@" ;;
  *) refuse 'a request that is none' ;;
esac
