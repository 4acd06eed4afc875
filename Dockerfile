# The image of a deployment: docker build -t latchkey .
FROM python:3.11-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/latchkey
COPY . .
RUN make venv

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin latchkey
COPY --from=build /opt/latchkey /opt/latchkey
WORKDIR /opt/latchkey
USER 10001
# The container has an address of its own, and is reachable through the ports that it publishes.
ENV HOST=0.0.0.0 PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD [".venv/bin/python", "-c", "import os; from urllib.request import urlopen; urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/ready', timeout=4)"]
CMD [".venv/bin/gunicorn"]
