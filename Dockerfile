# syntax=docker/dockerfile:1
# The bridge in a container. `production` is what runs; `development` builds it, and runs the sources as they are.
#
#   docker build --target production -t mt5-bridge .
#   docker run --read-only -v mt5-bridge-data:/data -v ./keys:/keys:ro \
#     -e API_KEYS_FILE=/keys/api-keys.json -e TLS_TERMINATED_UPSTREAM=true -p 50051:50051 -p 8001:8001 mt5-bridge

FROM node:24.21.0-bookworm-slim AS sources
WORKDIR /app
# The version of Node is this image's; the package that brings it elsewhere is not needed here.
ENV npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false
COPY package.json package-lock.json ./

FROM sources AS development
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && mkdir /data && chown -R node:node /app /data
USER 1000:1000
ENV BIND_ADDRESS=0.0.0.0 DATA_DIR=/data
VOLUME /data
EXPOSE 50051 50052 8001 9001
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["node", "scripts/probe.mjs"]
# `exec` form: SIGTERM reaches the bridge itself, which drains.
CMD ["node", "--expose-gc", "--max-semi-space-size=16", "src/main.ts"]

FROM sources AS packages
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force

FROM node:24.21.0-bookworm-slim AS production
LABEL org.opencontainers.image.title="mt5-bridge" org.opencontainers.image.licenses="MIT"
LABEL org.opencontainers.image.description="A gateway between MetaTrader 5 terminals and trading software"
WORKDIR /app
# Nothing below /app is the user's: the image works with a read-only root, and writes to /data alone.
COPY --from=packages /app/node_modules ./node_modules
COPY --from=development /app/dist ./dist
COPY package.json LICENSE ./
COPY scripts/probe.mjs ./scripts/probe.mjs
# A volume takes over the owner of what it covers.
RUN mkdir /data && chown node:node /data
# As a number, so that Kubernetes can see that it is not root.
USER 1000:1000
ENV NODE_ENV=production ENVIRONMENT=production BIND_ADDRESS=0.0.0.0 DATA_DIR=/data
VOLUME /data
EXPOSE 50051 50052 8001 9001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["node", "scripts/probe.mjs"]
CMD ["node", "--expose-gc", "--max-semi-space-size=16", "dist/src/main.js"]
