# slimmer as an image (docs/ci.md):
#   docker build --tag slimmer .
#   docker run --rm -v /var/run/docker.sock:/var/run/docker.sock -v "$PWD:/work" slimmer build myapp
# BASE needs Python 3.11 or newer with the venv module, and apt.
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev make musl-tools \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements.lock requirements-dev.lock ./
# /opt/slimmer goes into the image and has no pip. /opt/tools stays here, with hatchling and what it needs as they are locked.
RUN python3 -m venv /opt/tools \
    && python3 -m venv --without-pip /opt/slimmer \
    && awk '/^[a-z]/ { chosen = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } chosen' requirements-dev.lock >tools.lock \
    && /opt/tools/bin/pip install --no-cache-dir --require-hashes --requirement tools.lock \
    && /opt/tools/bin/pip --python /opt/slimmer/bin/python install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY probes probes
COPY slimmer slimmer
RUN /opt/tools/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/tools/bin/pip --python /opt/slimmer/bin/python install --no-cache-dir --no-deps /wheels/*.whl

FROM ${BASE}
COPY --from=build /opt/slimmer /opt/slimmer
COPY ci/slim.sh /usr/local/bin/slimmer-ci
ENV PATH=/opt/slimmer/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /work
ENTRYPOINT ["slimmer"]
