#!/bin/sh
### BEGIN INIT INFO
# Provides:          @NAME@
# Required-Start:    $remote_fs $network
# Required-Stop:     $remote_fs $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Hostwire
# Description:       Telemetry of this host over MQTT, or the server for it.
### END INIT INFO
# Starts and stops @NAME@ without systemd: as a script of SysV's init, or by hand where there is no init at all.
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
name=@NAME@
max_log_kb=10240

# Where it lies says what it is for: /opt is the system's, anything else one user's.
base=/opt/$name
case $(readlink -f "$0") in */share/service.sh) base=$(cd "$(dirname "$0")/../.." && pwd -P) ;; esac
program=$base/current/bin/$name
if [ "$base" = "/opt/$name" ]; then
  log=/var/log/$name.log
  pid_file=/run/$name.pid
else
  log=$base/log
  pid_file=$base/pid
fi

case $name in
  hostwire) arguments=serve stop_seconds=30 ;;
  *) arguments='' stop_seconds=15 ;;
esac

running() { # prints the process id if it runs
  pid=$(cat "$pid_file" 2>/dev/null) && [ -n "$pid" ] || return 1
  # A number of an earlier boot may be another program's now.
  case $(readlink "/proc/$pid/exe" 2>/dev/null) in
    "$base"/*) echo "$pid" ;;
    *) return 1 ;;
  esac
}

start() {
  if pid=$(running); then
    echo "$name runs already (process $pid)"
    return 0
  fi
  if [ -f "$log" ] && [ "$(($(wc -c <"$log") / 1024))" -gt "$max_log_kb" ]; then mv -f "$log" "$log.1"; fi
  (
    umask 077
    cd / || exit 1
    command="exec '$program' $arguments >>'$log' 2>&1 </dev/null"
    if [ "$(id -u)" != 0 ]; then
      setsid sh -c "$command" &
      echo $! >"$pid_file"
      exit 0
    fi
    touch "$log" && chown "$name" "$log"
    if command -v start-stop-daemon >/dev/null; then
      exec start-stop-daemon --start --background --make-pidfile --pidfile "$pid_file" --chuid "$name:$name" \
        --startas /bin/sh -- -c "$command"
    fi
    # shellcheck disable=SC2016
    su -s /bin/sh -c 'setsid sh -c "$0" & echo $!' "$name" "$command" >"$pid_file"
  ) || return 1
  sleep 1
  if pid=$(running); then
    echo "$name started (process $pid)"
  else
    echo "$name did not start; see $log" >&2
    return 1
  fi
}

stop() {
  pid=$(running) || {
    rm -f "$pid_file"
    return 0
  }
  kill "$pid"
  while [ "$stop_seconds" -gt 0 ] && running >/dev/null; do
    sleep 1
    stop_seconds=$((stop_seconds - 1))
  done
  if running >/dev/null; then kill -9 "$pid"; fi
  rm -f "$pid_file"
  echo "$name stopped"
}

case ${1-} in
  start) start ;;
  stop) stop ;;
  restart | force-reload) stop && start ;;
  status)
    if pid=$(running); then
      echo "$name runs (process $pid)"
    else
      echo "$name does not run"
      exit 3
    fi
    ;;
  *)
    echo "Usage: $0 start|stop|restart|status" >&2
    exit 2
    ;;
esac
