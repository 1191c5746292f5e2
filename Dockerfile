# Hooklane in a container: `docker build -t hooklane .`. The same image runs every role; which one says the command.

FROM node:24-slim AS build
WORKDIR /build
# Lifecycle scripts are not run: the Node that comes as a dependency for machines without one is not needed here.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json \
 && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY package.json CHANGELOG.md LICENSE ./
COPY bin bin
COPY schemas schemas
RUN ln -s /app/bin/hooklane.js /usr/local/bin/hooklane \
 && mkdir /data .cache && chown node:node /data .cache
ENV HOST=0.0.0.0 HOOKLANE_DATA=/data
VOLUME /data
EXPOSE 3000
USER node
# `node` itself is the process that gets SIGTERM, and finishes what is in flight within 10 s.
ENTRYPOINT ["node", "/app/bin/hooklane.js"]
CMD ["serve"]
