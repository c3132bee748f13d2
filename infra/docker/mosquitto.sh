#!/bin/sh
# Runs Mosquitto as soon as the server has written its files, and lets it read them again when they have changed.
set -eu
folder=/var/lib/hostwire-broker

wait_for_files() {
  [ -e "$folder/hostwire.conf" ] && return
  echo "waiting for the server to write $folder/hostwire.conf"
  while [ ! -e "$folder/hostwire.conf" ]; do
    sleep 1 &
    wait $!
  done
}

mark() {
  cat "$folder"/* 2>/dev/null | cksum
}

trap 'exit 0' TERM INT
wait_for_files
mosquitto -c /mosquitto/config/mosquitto.conf &
broker=$!
trap 'kill -TERM "$broker"' TERM INT
before=$(mark)
while kill -0 "$broker" 2>/dev/null; do
  sleep 1 &
  wait $! || true
  now=$(mark)
  if [ "$now" != "$before" ]; then
    before=$now
    kill -HUP "$broker" 2>/dev/null || true
  fi
done
wait "$broker"
