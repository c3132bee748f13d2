# Server and agent, for amd64 and arm64. The context is the checkout:
#   docker build --file infra/docker/hostwire.Dockerfile --target server --tag hostwire-server:0.1.0 .
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
# Of a mirror; empty is npm's own.
ARG NPM_CONFIG_REGISTRY
ENV TURBO_TELEMETRY_DISABLED=1
WORKDIR /src
COPY . .
RUN ["sh", "infra/docker/build.sh", "/app"]

# For compose.dev.yaml: the sources themselves.
FROM build AS dev
RUN ["install", "--directory", "--owner=10001", "--group=10001", "--mode=0700", "/var/lib/hostwire", "/var/lib/hostwire-agent", "/credentials", "/run/hostwire-agent"]
USER 10001:10001

FROM ${NODE_IMAGE} AS agent
RUN ["groupadd", "--gid", "10001", "hostwire-agent"]
RUN ["useradd", "--uid", "10001", "--gid", "10001", "--no-create-home", "--home-dir", "/var/lib/hostwire-agent", "--shell", "/usr/sbin/nologin", "hostwire-agent"]
# A named volume takes owner and mode of the folder that it is first mounted over.
RUN ["install", "--directory", "--owner=10001", "--group=10001", "--mode=0700", "/var/lib/hostwire-agent", "/credentials", "/run/hostwire-agent"]
COPY --from=build /app/agent /app
ENV NODE_ENV=production \
  HOSTWIRE_AGENT_HEALTH_FILE=/run/hostwire-agent/connected
USER 10001:10001
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/app/healthy.mjs"]
ENTRYPOINT ["node", "/app/main.js"]

FROM ${NODE_IMAGE} AS server
RUN ["groupadd", "--gid", "10001", "hostwire"]
RUN ["useradd", "--uid", "10001", "--gid", "10001", "--no-create-home", "--home-dir", "/var/lib/hostwire", "--shell", "/usr/sbin/nologin", "hostwire"]
RUN ["install", "--directory", "--owner=10001", "--group=10001", "--mode=0700", "/var/lib/hostwire", "/var/lib/hostwire-broker", "/credentials", "/grafana-credentials"]
COPY --from=build /app/server /app
COPY infra/docker/hostwire.sh /usr/local/bin/hostwire
ENV NODE_ENV=production \
  HOSTWIRE_DATA_DIR=/var/lib/hostwire \
  HOSTWIRE_LISTEN=0.0.0.0
EXPOSE 8080 8086 8883
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/app/healthy.mjs"]
ENTRYPOINT ["node", "--max-semi-space-size=64", "/app/apps/server/dist/main.js"]
CMD ["serve"]
