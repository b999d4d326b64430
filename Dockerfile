# slimmer as an image (docs/ci.md):
#   docker build --tag slimmer .
#   docker run --rm -v /var/run/docker.sock:/var/run/docker.sock -v "$PWD:/work" slimmer build myapp
# BASE needs Python 3.11 or newer with the venv module, and apt.
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev make musl-tools \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.lock requirements-dev.lock /src/
COPY ci/install.sh /src/ci/
RUN /src/ci/install.sh /opt/slimmer dependencies
COPY . /src
RUN /src/ci/install.sh /opt/slimmer

FROM ${BASE}
COPY --from=build /opt/slimmer /opt/slimmer
COPY ci/slim.sh /usr/local/bin/slimmer-ci
ENV PATH=/opt/slimmer/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /work
ENTRYPOINT ["slimmer"]
