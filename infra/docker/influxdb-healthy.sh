#!/bin/sh
# 0 while it answers its own user.
INFLUX_USERNAME=hostwire INFLUX_PASSWORD=$(cat /credentials/password) influx -execute 'SHOW DATABASES' >/dev/null
