FROM golang:1.26-alpine AS build
WORKDIR /src

# The modules change seldom: a layer of their own.
COPY go.mod go.sum ./
COPY internal/untraced internal/untraced
RUN go mod download

# The root of the final image. /data is open to all because root without
# capabilities is bound by modes like anyone else: both root and any other user
# can write there, also after a change from one to the other. It lies one deeper
# than what is copied, since a copied folder's own mode is lost.
#
# The time zones are unpacked because TZ, unlike a name in the code, is not
# looked up in a zip.
RUN mkdir -p /out/state/data /out/etc/ssl/certs /out/usr/share/zoneinfo \
 && chmod 0777 /out/state/data \
 && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
 && unzip -q "$(go env GOROOT)/lib/time/zoneinfo.zip" -d /out/usr/share/zoneinfo

COPY . .
ARG VERSION=dev
# Without HTTP/2 it is half a megabyte smaller; no engine and no receiver needs it.
# Without inlining it is another half; what takes time here is the network.
RUN CGO_ENABLED=0 go build -tags nethttpomithttp2 -gcflags=all=-l -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/defib .


FROM scratch
COPY --from=build /out/etc/ /etc/
COPY --from=build /out/usr/ /usr/
COPY --from=build --chown=65532:65532 /out/state/ /
COPY --from=build /out/defib /defib

# Seldom, since each probe costs the engine about 60 ms of CPU.
HEALTHCHECK --interval=60s --timeout=10s --start-period=10s --retries=3 CMD ["/defib", "healthcheck"]

# Where it remembers over its own restarts; a volume there outlives the container.
ENV AUTOHEAL_STATE_DIR=/data

# There is no USER: root owns the engine's socket. Run it with all
# capabilities dropped, or as any user behind a socket proxy.
ENTRYPOINT ["/defib"]

ARG VERSION=dev
ARG REVISION=
# io.github.defib is how a defib knows itself and its like.
LABEL io.github.defib="" \
      org.opencontainers.image.title="defib" \
      org.opencontainers.image.description="Restarts unhealthy Docker containers without doing harm, and tells people" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
