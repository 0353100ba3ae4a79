#!/bin/sh
# Stand-ins for the base images, made of Debian's packages, for machines that reach no image registry:
#   standins.sh FOLDER PYTHON_IMAGE REDIS_IMAGE KAFKA_IMAGE
# Each is tagged with the name that Dockerfile and compose use. They suffice to try the stack; deploy the real ones.
# Needs root and debootstrap; for Kafka's jars it runs `make install` where nobody has.
set -eu
folder=$1 python=$2 redis=$3 kafka=$4
here=$(cd "$(dirname "$0")" && pwd)
root=$folder/root

if ! docker image inspect "$python" >/dev/null 2>&1; then
    rm -rf "$root"
    debootstrap --variant=minbase --include=python3-minimal,python3-venv,ca-certificates bookworm "$root" >"$folder/debootstrap.log"
    ln -s /usr/bin/python3 "$root/usr/local/bin/python"
    # The machine's own authorities: where its network is inspected, those of Debian do not suffice.
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    [ ! -f /etc/ssl/certs/java/cacerts ] || install -D -m 644 /etc/ssl/certs/java/cacerts "$root/etc/ssl/certs/java/cacerts"
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale
    tar -C "$root" -c . | docker import --change 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt' - "$python" >/dev/null
    rm -rf "$root"
fi

built() {  # IMAGE FOLDER: from the Dockerfile on standard input
    docker build --quiet --network host --build-arg BASE="$python" --tag "$1" --file - "$2" >/dev/null
}

built "$redis" "$here" <<'DOCKERFILE'
ARG BASE
FROM ${BASE}
RUN apt-get update -qq && apt-get install -qq --yes --no-install-recommends redis-server >/dev/null && rm -rf /var/lib/apt/lists/*
RUN install -d -o redis -g redis /data
WORKDIR /data
USER redis
VOLUME /data
CMD ["redis-server"]
DOCKERFILE

mkdir -p "$folder/kafka"
make --silent -C "$here/../.." install >"$folder/install.log"
"$here"/../../.venv/bin/python "$here/kafka_jars.py" "${kafka##*:}" "$folder/kafka/libs"
cp "$here/kafka_standin.sh" "$folder/kafka/"
built "$kafka" "$folder/kafka" <<'DOCKERFILE'
ARG BASE
FROM ${BASE}
RUN mkdir -p /usr/share/man/man1 && apt-get update -qq \
    && apt-get install -qq --yes --no-install-recommends openjdk-17-jre-headless >/dev/null && rm -rf /var/lib/apt/lists/*
COPY libs /opt/kafka/libs
COPY kafka_standin.sh /opt/kafka/start
RUN useradd --system --uid 1000 appuser && install -d -o appuser /var/lib/kafka/data
USER appuser
VOLUME /var/lib/kafka/data
CMD ["/opt/kafka/start"]
DOCKERFILE
