#!/bin/sh
# Installs, upgrades or removes Hostwire's agent or server on Linux (x86_64, arm64; glibc). Needs no Node.js. --help says how.
# Exit codes: 0 done, 1 failed (what was changed is undone), 2 the command line cannot be used, 3 the enrolment was refused,
# 4 the server cannot be trusted, 5 installed and running, but not connected yet.
set -eu
umask 022
# For tests: what stands in place of /, and then no program but those of PATH.
root=${HOSTWIRE_INSTALL_ROOT-}
[ -n "$root" ] || PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

usage() {
  cat <<'TEXT'
Usage: install.sh [options]

  --component agent|server  what to install (default: what the archive holds; agent)
  --archive FILE            the archive to install (default: the one that this script lies in, else from --server);
                            checked against SHA256SUMS where that lies beside it
  --server URL              server to get the agent from and to enrol with: https://name:8080
  --pin PIN                 the server's public key: sha256//...; nothing is sent to a server that has another one
  --code CODE               code to enrol with, of `hostwire enroll`
  --host ID                 name of this host (default: the one of the code, else the host name)
  --listen ADDRESS          for a new server: address to listen on (default 127.0.0.1, this machine only)
  --docker                  the agent may ask Docker (group docker, which is as good as root)
  --user                    for the user who calls this, without root: below ~/.local, ~/.config
  --no-start                install and enable, but do not start
  --uninstall               stop and remove; keeps configuration and data
  --purge                   with --uninstall: remove them and the user as well
  --dry-run                 print what would be done, and change nothing
  --help                    print this
TEXT
}

say() { printf '%s\n' "$*"; }

fail() { # fail SENTENCE [EXIT_CODE]
  printf 'install.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

have() { command -v "$1" >/dev/null 2>&1; }

parse_options() {
  component='' archive='' server='' pin='' code='' host='' listen=127.0.0.1
  docker=false user_mode=false start=true uninstall=false purge=false dry_run=false
  while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
      --component | --archive | --server | --pin | --code | --host | --listen)
        [ $# -gt 0 ] || fail "$option needs a value; --help lists the options" 2
        value=$1
        shift
        ;;
      --*=*)
        value=${option#*=}
        option=${option%%=*}
        ;;
      *) value='' ;;
    esac
    case $option in
      --component) component=$value ;;
      --archive) archive=$value ;;
      --server) server=${value%/} ;;
      --pin) pin=$value ;;
      --code) code=$value ;;
      --host) host=$value ;;
      --listen) listen=$value ;;
      --docker) docker=true ;;
      --user) user_mode=true ;;
      --no-start) start=false ;;
      --uninstall) uninstall=true ;;
      --purge) purge=true ;;
      --dry-run) dry_run=true ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) fail "unknown option $option; --help lists the options" 2 ;;
    esac
  done
  if $purge && ! $uninstall; then fail '--purge belongs to --uninstall' 2; fi
  case $component in '' | agent | server) ;; *) fail "--component $component is neither agent nor server" 2 ;; esac
  case $server in
    '' | https://?*) ;;
    *)
      is_this_machine "$server" ||
        fail "--server $server: only https:// is taken, as others on the network could change what comes over http://" 2
      ;;
  esac
  case $pin in '' | sha256//?*) ;; *) fail "--pin $pin is no pin; it begins with sha256//" 2 ;; esac
  case $listen in *[!0-9A-Fa-f.:]*) fail "--listen $listen is no IP address" 2 ;; esac
  if [ -n "$code" ] && [ -z "$server" ]; then fail '--code needs --server, the server that gave it' 2; fi
}

is_this_machine() { # is_this_machine URL: http:// and a loopback address
  authority=${1#http://}
  [ "$authority" != "$1" ] || return 1
  authority=${authority%:"${authority##*[!0-9]}"}
  # The whole of it: 127.example.org and localhost@example.org are other machines.
  case $authority in
    localhost | '[::1]') return 0 ;;
    127.*[!0-9.]*) return 1 ;;
    127.*) return 0 ;;
  esac
  return 1
}

# What this script lies in: its folder if that is an unpacked archive.
find_source() {
  case $0 in
    */*) here=${0%/*} ;;
    install.sh) here=. ;;
    *) here='' ;;
  esac
  if [ -n "$here" ] && [ -f "$here/package" ]; then here=$(cd "$here" && pwd -P); else here=''; fi
  if [ -n "$archive" ]; then
    if ! $uninstall && [ ! -f "$archive" ]; then fail "--archive $archive: there is no such file"; fi
    case ${archive##*/} in
      hostwire-agent-*) found=agent ;;
      hostwire-server-*) found=server ;;
      *) found='' ;;
    esac
    here=''
  elif [ -n "$here" ]; then
    found=$(sed -n 's/^component=//p' "$here/package")
  else
    found=''
  fi
  component=${component:-${found:-agent}}
  if [ -n "$found" ] && [ "$found" != "$component" ] && ! $uninstall; then
    fail "--component $component: but this is an archive of the $found" 2
  fi
  if [ "$component" = server ] && [ -n "$code" ]; then fail '--code is for agents: a server is not enrolled' 2; fi
}

detect_machine() {
  [ "$(uname -s)" = Linux ] || fail "this is $(uname -s); Hostwire's packages are for Linux"
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there is no package for $machine, only for x86_64 and aarch64; build from source instead" ;;
  esac
  # A 64-bit kernel below a 32-bit system, as on some Raspberry Pis.
  if have getconf && [ "$(getconf LONG_BIT 2>/dev/null || echo 64)" = 32 ]; then
    fail "the kernel is 64-bit ($machine), but this system is 32-bit; install a 64-bit system"
  fi
}

detect_init() {
  if $user_mode; then
    if have systemctl && systemctl --user show-environment >/dev/null 2>&1; then init=systemd; else init=none; fi
  elif [ -d "$root/run/systemd/system" ]; then
    init=systemd
  elif [ -d "$root/run/openrc" ] && have rc-service; then
    init=openrc
  elif [ "$(cat "$root/proc/1/comm" 2>/dev/null)" = init ] && [ -f "$root/etc/inittab" ] && { have update-rc.d || have chkconfig; }; then
    init=sysv
  else
    init=none
  fi
}

set_paths() {
  case $component in
    agent) name=hostwire-agent config_name=agent.toml ;;
    server) name=hostwire config_name=hostwire.toml ;;
  esac
  if $user_mode; then
    [ "$(id -u)" != 0 ] || fail '--user is for users other than root; leave it out'
    [ -n "${HOME-}" ] || fail '--user needs HOME'
    base=$HOME/.local/lib/$name
    bin=$HOME/.local/bin
    etc=${XDG_CONFIG_HOME:-$HOME/.config}/hostwire
    units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
    case $component in
      agent) state=${XDG_STATE_HOME:-$HOME/.local/state}/hostwire-agent ;;
      server) state=${XDG_DATA_HOME:-$HOME/.local/share}/hostwire ;;
    esac
    unit_source=$name.user.service
  else
    if ! $dry_run && [ "$(id -u)" != 0 ]; then fail 'must be run as root: sudo sh install.sh ..., or with --user for yourself alone'; fi
    base=$root/opt/$name
    bin=$root/usr/local/bin
    etc=$root/etc/hostwire
    units=$root/etc/systemd/system
    state=$root/var/lib/$name
    unit_source=$name.service
  fi
  config=$etc/$config_name
  script=$root/etc/init.d/$name
}

# ctl VERB: systemctl on our unit, of the system or the user.
ctl() {
  verb=$1
  shift
  if $user_mode; then systemctl --user "$verb" "$@"; else systemctl "$verb" "$@"; fi
}

existing_parent() { # of a path, what is there already
  at=$1
  while [ ! -d "$at" ]; do at=$(dirname "$at"); done
  printf '%s\n' "$at"
}

check_space() { # check_space KB
  at=$(existing_parent "$base")
  free=$(df -Pk "$at" 2>/dev/null | sed -n '2{s/^.* \([0-9][0-9]*\)  *[0-9-][0-9]*% .*$/\1/p;}')
  if [ -n "$free" ] && [ "$free" -lt "$1" ]; then
    fail "$at has $((free / 1024)) MB free, and $(($1 / 1024)) MB are needed; make room and try again"
  fi
}

# fetch PATH FILE: from the server, whose key is checked first.
fetch() {
  url=$server/$1
  status=0
  if have curl; then
    # Redirections are not followed: what they lead to is not what was pinned.
    if [ -n "$pin" ]; then
      curl -fsSk --pinnedpubkey "$pin" --connect-timeout 15 -o "$2" "$url" || status=$?
    else
      curl -fsS --connect-timeout 15 -o "$2" "$url" || status=$?
    fi
    [ "$status" != 90 ] || fail "$server has another key than --pin says: this is not the server that gave you the command" 4
  elif have wget; then
    if [ -z "$pin" ]; then
      wget -q -O "$2" "$url" || status=$?
    elif wget --help 2>&1 | grep -q -- --pinnedpubkey; then
      wget -q --max-redirect=0 --no-check-certificate "--pinnedpubkey=$pin" -O "$2" "$url" || status=$?
    else
      fail "this wget cannot check the server's key; install curl, or copy the archive here and use --archive"
    fi
  else
    fail 'there is neither curl nor wget here; copy the archive to this host, unpack it, and run its install.sh'
  fi
  [ "$status" = 0 ] || fail "$url could not be loaded (see above); is the server up, and does it have packages (npm run package)?"
}

checksum_of() { # checksum_of FILE_NAME < SHA256SUMS
  while read -r sum file; do
    if [ "${file#\*}" = "$1" ]; then printf '%s\n' "$sum"; fi
  done
}

check_sum() { # check_sum FILE SUM
  have sha256sum || fail 'sha256sum is missing (package coreutils): the archive cannot be checked'
  actual=$(sha256sum "$1")
  [ "${actual%% *}" = "$2" ] || fail "${1##*/} is damaged or was changed: its SHA-256 is ${actual%% *}, and not $2"
}

# Puts the new version into $work/new.
get_new() {
  work=$base/.work.$$
  if [ -n "$here" ]; then
    size=$(du -sk "$here")
    check_space $((${size%%[!0-9]*} + 10240))
    mkdir -p "$work/new"
    cp -R "$here/." "$work/new/" || fail "the program could not be copied to $work"
    return 0
  fi
  mkdir -p "$work/new"
  if [ -z "$archive" ]; then
    check_space 204800
    say "Getting the agent from $server"
    fetch download/SHA256SUMS "$work/SHA256SUMS"
    while read -r _ file; do
      case $file in hostwire-agent-*[!0-9A-Za-z.+-]*) ;; hostwire-agent-*-linux-"$arch".tar.gz) archive=$work/$file ;; esac
    done <"$work/SHA256SUMS"
    [ -n "$archive" ] || fail "$server has no package of the agent for $arch"
    fetch "download/${archive##*/}" "$archive"
    sums=$work/SHA256SUMS
  else
    size=$(du -k "$archive")
    check_space $((${size%%[!0-9]*} * 3))
    case $archive in */*) sums=${archive%/*}/SHA256SUMS ;; *) sums=SHA256SUMS ;; esac
  fi
  if [ -f "$sums" ]; then
    wanted=$(checksum_of "${archive##*/}" <"$sums")
    [ -n "$wanted" ] || fail "${archive##*/} does not stand in $sums; get both anew"
    check_sum "$archive" "$wanted"
  else
    say "Not checked: there is no SHA256SUMS beside ${archive##*/}"
  fi
  tar -xzf "$archive" -C "$work/new" || fail "${archive##*/} cannot be unpacked; is the disk full, or the file not whole?"
  set -- "$work"/new/hostwire-*
  if [ $# != 1 ] || [ ! -f "$1/package" ]; then fail "${archive##*/} is no archive of Hostwire"; fi
  mv "$1" "$work/unpacked" && rmdir "$work/new" && mv "$work/unpacked" "$work/new"
}

check_new() {
  new=$work/new
  version=$(sed -n 's/^version=//p' "$new/package")
  [ "$(sed -n 's/^component=//p' "$new/package")" = "$component" ] || fail "this is no archive of the $component"
  [ "$(sed -n 's/^arch=//p' "$new/package")" = "$arch" ] ||
    fail "this archive is for $(sed -n 's/^arch=//p' "$new/package"), and this machine is $arch"
  case $version in '' | *[!0-9A-Za-z.+-]*) fail 'the archive does not say its version' ;; esac
  if ! $user_mode; then chown -R 0:0 "$new"; fi
  "$new/bin/$name" --version >/dev/null ||
    fail "the program does not run here (see above); it needs glibc 2.28 or later and libstdc++ (not musl, as in Alpine)"
}

link_program() {
  if [ -e "$bin/$name" ] && [ ! -h "$bin/$name" ]; then fail "$bin/$name is another program; move it away and try again"; fi
  $was_installed || linked=true
  ln -sfn "$base/current/bin/$name" "$bin/$name"
}

# The new version takes the place of the old one, which stays aside until the new one runs.
switch_version() {
  dest=$base/$version
  old_current=$(readlink "$base/current" 2>/dev/null) || old_current=''
  if [ -e "$dest" ]; then mv "$dest" "$work/old"; fi
  mv "$work/new" "$dest"
  switched=true
  ln -sfn "$version" "$base/current"
}

make_user() {
  if $user_mode || id -u "$name" >/dev/null 2>&1; then return 0; fi
  shell=/usr/sbin/nologin
  [ -e "$shell" ] || shell=/bin/false
  if have useradd; then
    useradd --system --user-group --home-dir "/var/lib/$name" --no-create-home --shell "$shell" --comment Hostwire "$name" ||
      fail "the user $name could not be made (see above)"
  elif have adduser && have addgroup; then
    { addgroup -S "$name" && adduser -S -D -H -h "/var/lib/$name" -s "$shell" -G "$name" "$name"; } ||
      fail "the user $name could not be made (see above)"
  else
    fail "there is neither useradd nor adduser here; make a user and group $name, and try again"
  fi
  made_user=true
}

own() { # own PATH...: they belong to the user of the service
  $user_mode || chown "$name:$name" "$@"
}

join_docker() {
  getent group docker >/dev/null 2>&1 || grep -q '^docker:' "$root/etc/group" 2>/dev/null ||
    fail '--docker: there is no group docker here; install Docker first'
  if have usermod; then usermod -aG docker "$name"; else addgroup "$name" docker; fi || fail "$name could not join the group docker"
}

prepare_folders() {
  for folder in "$etc" "$state" "$bin"; do
    if [ ! -d "$folder" ]; then
      mkdir -p "$folder"
      made_folders="$folder
$made_folders"
    fi
  done
  chmod 0700 "$state"
  own "$state"
  if $user_mode; then run_as=''; else run_as=$name; fi
  printf 'default_config="%s"\nrun_as=%s\n' "${config#"$root"}" "$run_as" >"$base/settings"
}

write_config() {
  if [ "$component" = agent ]; then
    if [ -n "$code" ]; then enrol; fi
    if [ ! -e "$config" ]; then return 0; fi
  elif [ ! -e "$config" ]; then
    made_config=true
    (
      umask 077
      sed -e "s|@DATA_DIR@|${state#"$root"}|" -e "s|@LISTEN@|$listen|" "$base/current/share/hostwire.example.toml" >"$config"
    )
  fi
  own "$config"
  chmod 0600 "$config"
}

enrol() {
  was_configured=false
  if [ -e "$config" ]; then was_configured=true; fi
  set -- enroll --server "$server" --code "$code" --config "$config"
  if [ -n "$pin" ]; then set -- "$@" --pin "$pin"; fi
  if [ -n "$host" ]; then set -- "$@" --host "$host"; fi
  status=0
  "$base/current/bin/$name" "$@" || status=$?
  for file in "$etc"/ca.pem "$etc"/agent-ca.pem; do if [ -e "$file" ]; then chmod 0644 "$file"; fi; done
  case $status in
    0) enrolled=true ;;
    3)
      # The same command a second time: its code is used.
      $was_configured || fail 'this host was not enrolled (see above)' 3
      say "The code was refused, so the configuration in $config stays as it is"
      ;;
    4) fail 'this host was not enrolled (see above)' 4 ;;
    *) fail 'this host was not enrolled (see above)' ;;
  esac
}

install_service() {
  share=$base/current/share
  service_touched=true
  case $init in
    systemd)
      mkdir -p "$units"
      cp "$share/$unit_source" "$units/$name.service" && chmod 0644 "$units/$name.service"
      ctl daemon-reload || fail 'systemd does not take the new unit (see above)'
      ctl enable "$name.service" || fail "$name.service could not be enabled (see above)"
      ;;
    openrc)
      cp "$share/openrc" "$script" && chmod 0755 "$script"
      rc-update add "$name" default || fail "$name could not be added to the runlevel default (see above)"
      ;;
    sysv)
      cp "$share/service.sh" "$script" && chmod 0755 "$script"
      if have update-rc.d; then update-rc.d "$name" defaults; else chkconfig --add "$name"; fi ||
        fail "$name could not be added to the runlevels (see above)"
      ;;
  esac
  if $user_mode && [ "$init" = systemd ] && have loginctl && ! loginctl enable-linger >/dev/null 2>&1; then
    say "It runs while you are logged in; from boot on after: sudo loginctl enable-linger $(id -un)"
  fi
}

# service start|stop|restart
service_do() {
  case $init in
    systemd) ctl "$1" "$name.service" ;;
    openrc) rc-service "$name" "$1" ;;
    sysv) "$script" "$1" ;;
    none) sh "$base/current/share/service.sh" "$1" ;;
  esac
}

# What runs without the service manager that is here now: from before there was one, or by hand.
stop_stray() {
  if [ "$init" != none ] && [ -e "$base/current/share/service.sh" ]; then sh "$base/current/share/service.sh" stop || true; fi
}

remove_service() {
  service_do stop >/dev/null 2>&1 || true
  stop_stray
  case $init in
    systemd)
      ctl disable "$name.service" >/dev/null 2>&1 || true
      rm -f "$units/$name.service"
      ctl daemon-reload >/dev/null 2>&1 || true
      ctl reset-failed "$name.service" >/dev/null 2>&1 || true
      ;;
    openrc)
      rc-update del "$name" default >/dev/null 2>&1 || true
      rm -f "$script"
      ;;
    sysv)
      if have chkconfig && ! have update-rc.d; then chkconfig --del "$name" || true; fi
      rm -f "$script"
      if have update-rc.d; then update-rc.d "$name" remove >/dev/null || true; fi
      ;;
  esac
}

log_file() {
  if $user_mode; then printf '%s\n' "$base/log"; else printf '%s\n' "$root/var/log/$name.log"; fi
}

how_to_look() {
  case $init in
    systemd) if $user_mode; then say "journalctl --user -u $name"; else say "journalctl -u $name"; fi ;;
    *) log_file ;;
  esac
}

# What it logged since it was started.
new_log() { tail -n +"$((log_lines + 1))" "$(log_file)" 2>/dev/null; }

# What the service says of itself in a line.
connection_state() {
  if [ "$init" = systemd ]; then
    ctl show --property=StatusText --value "$name.service" 2>/dev/null || true
  else
    new_log | sed -n 's/.*"msg":"\(\(connected\|cannot connect\|lost the connection\)[^"]*\)".*/\1/p' | tail -n 1
  fi
}

wait_until_up() {
  left=30
  [ "$component" = agent ] || left=60
  while [ "$left" -gt 0 ]; do
    if [ "$component" = server ]; then
      # systemd has waited until it was ready.
      if [ "$init" = systemd ] || new_log | grep -q '^Hostwire .* is running$'; then return 0; fi
    else
      said=$(connection_state)
      case $said in connected*) return 0 ;; esac
    fi
    sleep 1
    left=$((left - 1))
  done
  return 1
}

start_service() {
  log_lines=0
  if [ -f "$(log_file)" ]; then log_lines=$(wc -l <"$(log_file)"); fi
  stop_stray
  service_do restart || fail "$name did not start (see above, and: $(how_to_look))"
}

# One at a time: a second run that fails would undo what the first has just installed.
lock() {
  mkdir -p "$(dirname "$base")" || fail "$(dirname "$base") cannot be made"
  # A link is there with its content or not at all.
  ln -s "$$" "$base.lock" 2>/dev/null && return 0
  other=$(readlink "$base.lock") || other=''
  # Of a run that was killed.
  if [ -n "$other" ] && ! kill -0 "$other" 2>/dev/null; then
    rm -f "$base.lock"
    ln -s "$$" "$base.lock" 2>/dev/null && return 0
  fi
  fail "$name is being installed by another run${other:+ (process $other)}; try again when it is done, or remove $base.lock if there is none"
}

unlock() { rm -f "$base.lock"; }

on_exit() {
  status=$?
  trap - EXIT HUP INT TERM
  if [ "$status" != 0 ]; then
    set +e
    if $was_installed; then bring_back; else undo; fi
  fi
  unlock
  exit "$status"
}

# After an upgrade that failed: the old version goes on.
bring_back() {
  if $switched; then
    rm -rf "$dest"
    if [ -d "$work/old" ]; then mv "$work/old" "$dest"; fi
    ln -sfn "$old_current" "$base/current"
    if $service_touched; then
      if [ "$init" = systemd ]; then
        cp "$base/current/share/$unit_source" "$units/$name.service"
        ctl daemon-reload
      fi
      if $start; then service_do restart; fi
    fi
    say "Version $old_current, which was here before, is in place again." >&2
  fi
  rm -rf "$work"
}

# After a first installation that failed: nothing of it stays.
undo() {
  if $service_touched; then
    remove_service
    rm -f "$(log_file)"
  fi
  rm -rf "$base"
  if $linked; then rm -f "$bin/$name"; fi
  if $made_config; then rm -f "$config"; fi
  if $enrolled; then
    say "Kept: $config, as its code is used by now; run this again without --code." >&2
    return 0
  fi
  printf '%s' "$made_folders" | while read -r folder; do rmdir "$folder" 2>/dev/null; done
  if $made_user; then userdel "$name" 2>/dev/null || deluser "$name" 2>/dev/null; fi
  say 'What this had changed is undone.' >&2
}

do_install() {
  was_installed=false switched=false service_touched=false made_user=false made_config=false enrolled=false linked=false
  made_folders='' work='' version='' old_current='' said=''
  if [ -z "$archive" ] && [ -z "$here" ] && { [ -z "$server" ] || [ "$component" = server ]; }; then
    fail "nothing to install: give --archive FILE$([ "$component" = server ] || printf ', or --server URL to get the agent from')" 2
  fi
  if $dry_run; then
    plan_install
    return 0
  fi
  lock
  if [ -e "$base/current" ]; then was_installed=true; fi
  trap on_exit EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  mkdir -p "$base" || fail "$base cannot be made"
  get_new
  check_new
  make_user
  switch_version
  prepare_folders
  write_config
  if $docker; then join_docker; fi
  link_program
  install_service
  if $start; then start_service; fi
  trap - EXIT HUP INT TERM
  # Nothing needs the old one any more.
  rm -rf "$work"
  for folder in "$base"/*; do
    case ${folder##*/} in current | settings | log | log.1 | pid | "$version") ;; *) rm -rf "$folder" ;; esac
  done
  unlock
  report
}

plan_install() {
  if [ -n "$here" ]; then
    say "would copy the $component from $here to $base"
  elif [ -n "$archive" ]; then
    say "would check $archive and unpack it to $base"
  else
    say "would get the agent for $arch from $server, check its SHA-256, and unpack it to $base"
  fi
  if ! $user_mode && ! id -u "$name" >/dev/null 2>&1; then say "would make the user $name"; fi
  say "would make $bin/$name, $state (0700)"
  if [ -n "$code" ]; then
    say "would enrol this host${host:+ as $host} with $server and write $config (0600)"
  elif [ "$component" = server ] && [ ! -e "$config" ]; then
    say "would write $config (0600)"
  elif [ -e "$config" ]; then
    say "would leave $config as it is"
  fi
  if $docker; then say "would add $name to the group docker"; fi
  if [ "$init" = none ]; then say 'would start no service at boot: there is no service manager'; else say "would enable the service $name ($init)"; fi
  if $start; then say "would start $name"; fi
}

report() {
  say "Installed: Hostwire $component $version in ${base#"$root"}"
  if [ "$init" = none ]; then
    say "There is no service manager here, so it will not start at boot by itself: ${base#"$root"}/current/share/service.sh start"
  fi
  if ! $start; then
    say 'Not started, as --no-start says.'
    return 0
  fi
  if [ "$component" = agent ] && [ ! -e "$config" ]; then
    say "It waits for its configuration: hostwire-agent enroll, or write ${config#"$root"} (see ${base#"$root"}/current/share/agent.example.toml)"
    return 0
  fi
  if wait_until_up; then
    if [ "$component" = agent ]; then
      say "The agent is $said. Its values are on the server's dashboard; its log: $(how_to_look)"
    else
      say "The server runs; its log: $(how_to_look)"
      say "A link to the dashboard: $("$bin/$name" login 2>&1)"
    fi
    return 0
  fi
  fail "$name runs, but is not $([ "$component" = agent ] && echo connected || echo ready) yet: ${said:-it says nothing so far}. It goes on trying; its log: $(how_to_look)" 5
}

do_uninstall() {
  if [ ! -e "$base" ] && ! $purge; then
    say "$name is not installed here"
    return 0
  fi
  if $dry_run; then
    say "would stop $name and remove its service ($init)"
    say "would remove $base, $bin/$name"
    if $purge; then say "would remove $config, $state and the user $name"; fi
    return 0
  fi
  remove_service
  rm -rf "$base"
  rm -f "$bin/$name" "$(log_file)" "$(log_file).1"
  if $purge; then
    rm -rf "$state" "$config"
    if [ "$component" = agent ]; then rm -f "$etc/ca.pem" "$etc/agent-ca.pem"; fi
    rmdir "$etc" 2>/dev/null || true
    if ! $user_mode && id -u "$name" >/dev/null 2>&1; then
      userdel "$name" 2>/dev/null || deluser "$name" || say "The user $name could not be removed"
    fi
    say "Removed: $name, its configuration, its data"
  else
    say "Removed: $name. Kept: $config, $state$($user_mode || echo ", the user $name") (--purge removes them)"
  fi
}

main() {
  parse_options "$@"
  find_source
  set_paths
  detect_init
  if $uninstall; then
    do_uninstall
  else
    detect_machine
    do_install
  fi
}

# All is read before anything is done: a script that came only in part does nothing.
main "$@"
