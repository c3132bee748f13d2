# Mosquitto that takes its users, rights and certificate from the files that the server keeps true for it.
ARG MOSQUITTO_IMAGE=eclipse-mosquitto:2.0.22
FROM ${MOSQUITTO_IMAGE}
USER root
COPY infra/docker/mosquitto.sh infra/docker/mosquitto-healthy.sh /hostwire/
COPY infra/docker/mosquitto.conf /mosquitto/config/mosquitto.conf
# As the user who writes those files, which are for their owner alone.
RUN ["install", "-d", "-o", "10001", "-g", "10001", "-m", "0700", "/var/lib/hostwire-broker", "/mosquitto/retained"]
EXPOSE 8883
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["sh", "/hostwire/mosquitto-healthy.sh"]
ENTRYPOINT ["sh", "/hostwire/mosquitto.sh"]
