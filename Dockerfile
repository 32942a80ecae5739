# syntax=docker/dockerfile:1
# The service on a CPU: docker build -t arcqueue . Every process is this image with another command (see docker-compose.yml).

FROM node:22-bookworm AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends g++ python3 python3-pip \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
# Set-up finds the engine here, and the links it makes in node_modules point here: the path is the same in each stage.
ENV ARCQUEUE_CACHE=/opt/arcqueue ENGINE=cpu
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
RUN node scripts/setup.mjs --without redis \
  # Headers are needed to compile only; they are gone from the layer that the next stage copies.
  && rm -rf /opt/arcqueue/engine/*/tensorflow/include \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  # Pruning keeps tfjs-node's folder; this fails the build if it ever takes the links with it.
  && test -e node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node

FROM node:22-bookworm-slim AS service
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
WORKDIR /app
COPY --from=build /opt/arcqueue /opt/arcqueue
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8080
# For the API. A worker has no port; docker-compose.yml turns this off for it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/api/main.js"]
