#!/bin/sh
# `docker compose exec server hostwire ...`
exec node /app/apps/server/dist/main.js "$@"
