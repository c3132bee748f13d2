#!/bin/sh
# build.sh [--built] FOLDER: installs, builds, and puts what the images run into FOLDER/server and FOLDER/agent. The build stage of
# hostwire.Dockerfile runs it, and the project's tests do without Docker, in a checkout that is installed and built: --built.
set -eu
built=false
if [ "${1-}" = --built ]; then
  built=true
  shift
fi
out=${1:?'the folder to put it into is missing'}
cd "$(dirname "$0")/../.."
if [ "$built" = false ]; then
  npm ci --no-audit --no-fund
  npm run --silent build
fi
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0} node infra/package/package.mjs --component agent --out "$out/downloads"
node infra/docker/stage.mjs "$out"
