# Two images: `serve` imports logs, keeps them and answers over HTTP, without torch; `train` does that and trains.
#
#   docker build --target serve -t attune:serve .
#   docker run --read-only --tmpfs /tmp -v attune-home:/home/attune/home -p 127.0.0.1:8000:8000 attune:serve
#   docker run --rm --read-only --tmpfs /tmp -v attune-home:/home/attune/home attune:serve doctor
#
# Everything that is kept lies in the volume; the rest of the file system may be read-only. compose.yaml puts server and
# worker side by side; docs/operations.md tells of both.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/opt/attune/bin:$PATH
RUN groupadd --gid 10001 attune && useradd --uid 10001 --gid 10001 --create-home attune \
 && install -d -o attune -g attune -m 700 /home/attune/home

FROM base AS build-serve
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/attune
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE THIRD_PARTY.md ./
COPY data data
COPY export export
COPY service service
COPY trainer trainer
RUN pip install -c constraints.txt ".[postgres]"

FROM build-serve AS build-train
# One more index to look for torch in, such as PyTorch's own index of CPU builds; without it Linux takes the CUDA build.
ARG TORCH_INDEX=
RUN pip install -c constraints.txt ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
      "torch==$(sed -n 's/^torch==//p' constraints.txt)" \
 && pip install -c constraints.txt ".[train,postgres]"

FROM base AS run
ENV ATTUNE_HOME=/home/attune/home MPLCONFIGDIR=/tmp/matplotlib HF_HOME=/tmp/huggingface HF_HUB_DISABLE_TELEMETRY=1
USER 10001:10001
WORKDIR /home/attune
VOLUME /home/attune/home
EXPOSE 8000
# Asks as a caller would: under a host name that is answered for, and past any proxy that the environment names.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as web; env = os.environ.get; web.build_opener(web.ProxyHandler({})).open(web.Request('http://127.0.0.1:' + env('ATTUNE_SERVE__PORT', '8000') + '/readyz', headers={'Host': env('ATTUNE_SERVE__HOSTS', 'localhost').split(',')[0].strip(' .')}), timeout=4)"]
ENTRYPOINT ["attune"]
CMD ["serve", "--host", "0.0.0.0"]

FROM run AS train
COPY --from=build-train /opt/attune /opt/attune

FROM run AS serve
COPY --from=build-serve /opt/attune /opt/attune
