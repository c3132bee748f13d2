#!/bin/sh
# grafana-credentials.sh FOLDER: puts into FOLDER what Grafana needs to read the store: `password` and `ca.pem`. The CA is made by the
# server, which may be starting beside this, and so is the password of the user of InfluxDB, `hostwire`; any other user is a token.
set -eu
umask 077
folder=${1:?'the folder is missing'}
user=${HOSTWIRE_GRAFANA_STORE_USER:-grafana}

wait_for() {
  until [ -s "$1" ]; do
    echo "waiting for $1"
    sleep 1
  done
}

wait_for "$HOSTWIRE_DATA_DIR/tls/ca.pem"
cp "$HOSTWIRE_DATA_DIR/tls/ca.pem" "$folder/ca.pem"
if [ "$user" = hostwire ]; then
  wait_for /influxdb-credentials/password
  cp /influxdb-credentials/password "$folder/password"
else
  exec hostwire token add "$user" --scope series:read --file "$folder/password"
fi
