#!/bin/sh
# build.sh FOLDER: installs, builds, and puts what the images run into FOLDER/server and FOLDER/agent. The build stage of
# hostwire.Dockerfile runs it, and so does the check of the project without an engine.
set -eu
out=${1:?'the folder to put it into is missing'}
cd "$(dirname "$0")/../.."
npm ci --no-audit --no-fund
npm run --silent build
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0} node infra/package/package.mjs --component agent --out "$out/downloads"
node infra/docker/stage.mjs "$out"
