#!/bin/sh
# Runs InfluxDB. At the first start it makes the user `hostwire` and its password, while nobody else can reach it: as long as
# there is no user, whoever asks first may make one.
set -eu
umask 077
password_file=/credentials/password
made=/hostwire/series/user-made

if [ ! -s "$password_file" ]; then
  head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$password_file.new"
  mv "$password_file.new" "$password_file"
  rm -f "$made"
fi
if [ ! -e "$made" ]; then
  INFLUXDB_HTTP_BIND_ADDRESS=127.0.0.1:8086 INFLUXDB_HTTP_AUTH_ENABLED=false influxd &
  server=$!
  trap 'kill -TERM "$server"; wait "$server"; exit 1' TERM INT
  tries=60
  until influx -execute 'SHOW USERS' >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo 'InfluxDB did not answer in a minute' >&2; exit 1; }
    sleep 1
  done
  password=$(cat "$password_file")
  influx -execute 'DROP USER hostwire' >/dev/null 2>&1 || true
  # By standard input: arguments can be read by others.
  echo "CREATE USER hostwire WITH PASSWORD '$password' WITH ALL PRIVILEGES" | influx >/dev/null
  kill -TERM "$server"
  wait "$server" || true
  trap - TERM INT
  touch "$made"
fi
exec influxd
