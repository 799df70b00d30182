# The targets: `agent` is the image; `ssh` adds what asks devices: ssh, sshpass, ask-telnet, for `feed --exec 'ssh …'`.
# `check` adds a kapacitord, which is asked whether it would take TICKscripts.
ARG BASE_IMAGE=node:24-bookworm-slim
ARG KAPACITOR_IMAGE=kapacitor:1.8

FROM ${BASE_IMAGE} AS build
# Builders without BuildKit leave this stage behind; so it can be found: docker image prune --filter label=stage=…
LABEL stage=kapacitor-edge-detect-build
WORKDIR /build
COPY package.json package-lock.json ./
# No add-on is compiled on any platform, so no script of a dependency is needed.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY proto proto
COPY src src
RUN ./node_modules/.bin/tsc -p tsconfig.build.json --sourceMap false --declaration false \
 && node src/web/page/build.ts \
 && chmod 755 dist/main.js
# What only people and compilers read would be more than half of the image. Licences stay.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 && find node_modules -type f \( -name '*.map' -o -name '*.md' -o -name '*.markdown' \
      -o -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -name '*.test.js' -o -name '*.yml' \) -delete \
 && find node_modules -type d \( -name test -o -name tests -o -name docs -o -name benchmarks -o -name .github \) \
      -prune -exec rm -rf {} + \
 && rm -rf node_modules/.bin node_modules/protobufjs/dist
COPY LICENSE ./
# What --version and the log say is what the image is published as.
ARG VERSION
RUN [ -z "$VERSION" ] || npm pkg set version="$VERSION"

FROM ${BASE_IMAGE} AS agent
# That of package.json, which a test holds it to; a release is built with its own.
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="kapacitor-edge-detect" \
      org.opencontainers.image.description="UDF agent for Kapacitor: @edgeDetect() emits only the changes of state" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
# Numbers that no person and no other image has: who may talk to the agent is decided by the group of this folder,
# which a fresh named volume takes over with its owner and mode. Sockets get the group of the folder by its setgid bit.
RUN groupadd --gid 10092 edge-detect \
 && useradd --uid 10092 --gid 10092 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin edge-detect \
 && install -d -o edge-detect -g edge-detect -m 2750 /var/run/kapacitor-udf \
 && install -d -o edge-detect -g edge-detect -m 700 /var/lib/edge-detect \
 && install -d /functions \
 && ln -s /opt/edge-detect/dist/main.js /usr/local/bin/edge-detect
COPY --from=build /build/package.json /build/LICENSE /opt/edge-detect/
COPY --from=build /build/proto /opt/edge-detect/proto
COPY --from=build /build/node_modules /opt/edge-detect/node_modules
COPY --from=build /build/dist /opt/edge-detect/dist
# Functions of one's own are mounted here; an empty folder holds none.
ENV EDGE_DETECT_FUNCTIONS_DIR=/functions
USER 10092:10092
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 CMD ["edge-detect", "probe", "--timeout", "3s"]
ENTRYPOINT ["edge-detect"]
CMD ["serve"]

FROM agent AS ssh
USER root
RUN apt-get update \
 && apt-get install -y --no-install-recommends openssh-client sshpass \
 && rm -rf /var/lib/apt/lists/*
# For what knows telnet only.
COPY docker/ask-telnet.mjs /usr/local/bin/ask-telnet
USER 10092:10092

FROM ${KAPACITOR_IMAGE} AS kapacitor

FROM agent AS check
COPY --from=kapacitor /usr/bin/kapacitord /usr/local/bin/
HEALTHCHECK NONE
CMD ["check", "/tickscripts"]

# What is built where no target is named.
FROM agent
