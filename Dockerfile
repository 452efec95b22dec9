FROM python:3.13-slim
RUN apt-get update && apt-get install --yes --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /app
# The address of PyTorch's CPU builds keeps the image small: docker build --build-arg PIP_EXTRA_INDEX_URL=...
ARG PIP_EXTRA_INDEX_URL
COPY pyproject.toml constraints-cpu.txt README.md LICENSE ./
COPY src ./src
RUN pip install --no-cache-dir -c constraints-cpu.txt '.[score,sources,flows,backtest]'
COPY . .
ENV DO_NOT_TRACK=1 HF_HUB_OFFLINE=1 PREFECT_SERVER_ANALYTICS_ENABLED=false PYTHONPATH=/app
