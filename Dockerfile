# The TierMesh workers, to run beside an Envoy: `tiermesh serve`. deploy/README.md says how.
# The base is pinned by tag. Where builds must be the same to the byte, give it by digest:
#   docker build --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:... .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
# The environment has no pip of its own: this stage's pip fills it, and the image that runs can install nothing.
RUN python -m venv --without-pip /opt/tiermesh
COPY deploy/runtime.lock deploy/
RUN pip --python /opt/tiermesh/bin/python install --require-hashes --only-binary :all: -r deploy/runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY extproc extproc
RUN pip --python /opt/tiermesh/bin/python install --no-deps --no-build-isolation . \
 && pip --python /opt/tiermesh/bin/python uninstall --yes setuptools

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="TierMesh" \
      org.opencontainers.image.description="Sends each LLM request that passes Envoy to the cheapest tier that can answer it" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 65532 tiermesh \
 && useradd --system --uid 65532 --gid tiermesh --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tiermesh \
 && install --directory --owner tiermesh --group tiermesh --mode 0700 /run/tiermesh /var/cache/tiermesh
COPY --from=build /opt/tiermesh /opt/tiermesh
# Sockets go to /run/tiermesh unless the configuration names another directory. onnxruntime reports to nobody.
ENV PATH=/opt/tiermesh/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    XDG_RUNTIME_DIR=/run \
    XDG_CACHE_HOME=/var/cache \
    TIERMESH_HEALTH_URL=http://127.0.0.1:9464/healthz
# By number, so that a cluster can see that it is not root.
USER 65532:65532
# What is looked for in bodies, compiled: without it, the first start on a machine takes two seconds longer.
RUN python -m extproc.server.warm
# The first process is the supervisor. It takes SIGTERM itself, drains its workers and reaps them; no init is needed.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(os.environ['TIERMESH_HEALTH_URL'], timeout=2)"]
ENTRYPOINT ["tiermesh"]
CMD ["serve", "/etc/tiermesh/tiermesh.yaml"]
