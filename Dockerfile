# Two images: `serve` imports logs, keeps them and answers, without torch; `train` does everything.
#
#   docker build --target serve -t attune .
#   docker run --rm --read-only --tmpfs /tmp -v attune-home:/home/attune/home attune doctor
#
# Everything that is kept lies in the volume; the rest of the file system may be read-only.
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/opt/attune/bin:$PATH
RUN useradd --uid 10001 --create-home attune && install -d -o attune -g attune -m 700 /home/attune/home

FROM base AS build-serve
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/attune
COPY pyproject.toml constraints.txt README.md LICENSE THIRD_PARTY.md ./
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
ENV ATTUNE_HOME=/home/attune/home MPLCONFIGDIR=/tmp/matplotlib HF_HUB_DISABLE_TELEMETRY=1
USER attune
WORKDIR /home/attune
VOLUME /home/attune/home
ENTRYPOINT ["attune"]
CMD ["--help"]

FROM run AS train
COPY --from=build-train /opt/attune /opt/attune

FROM run AS serve
COPY --from=build-serve /opt/attune /opt/attune
