# InfluxDB 1.8 with one user, whose password it makes at its first start and shows the server in a file.
ARG INFLUXDB_IMAGE=influxdb:1.8.10
FROM ${INFLUXDB_IMAGE}
USER root
COPY infra/docker/influxdb.sh infra/docker/influxdb-healthy.sh /hostwire/
RUN ["install", "-d", "-o", "10001", "-g", "10001", "-m", "0700", "/hostwire/series", "/credentials"]
ENV INFLUXDB_REPORTING_DISABLED=true \
  INFLUXDB_META_DIR=/hostwire/series/meta \
  INFLUXDB_DATA_DIR=/hostwire/series/data \
  INFLUXDB_DATA_WAL_DIR=/hostwire/series/wal \
  INFLUXDB_DATA_INDEX_VERSION=tsi1 \
  INFLUXDB_DATA_QUERY_LOG_ENABLED=false \
  INFLUXDB_HTTP_LOG_ENABLED=false \
  INFLUXDB_HTTP_AUTH_ENABLED=true \
  INFLUXDB_BIND_ADDRESS=127.0.0.1:8088
EXPOSE 8086
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["sh", "/hostwire/influxdb-healthy.sh"]
ENTRYPOINT ["sh", "/hostwire/influxdb.sh"]
