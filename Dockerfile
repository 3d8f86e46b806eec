# The compiler runs where the build does and compiles for whom the image is. The
# older builder of Docker 20.10 sets none of these variables: it builds for
# itself, which "linux" alone stands for.
FROM --platform=${BUILDPLATFORM:-linux} golang:1.26-alpine AS build
WORKDIR /src

# The modules change seldom: a layer of their own.
COPY go.mod go.sum ./
COPY internal/untraced internal/untraced
RUN go mod download

# The root of the final image, without the program. /data is open to all because
# root without capabilities is bound by modes like anyone else: both root and any
# other user can write there, also after a change from one to the other. It lies
# one deeper than what is copied, since a copied folder's own mode is lost.
#
# The time zones are unpacked because TZ, unlike a name in the code, is not
# looked up in a zip.
#
# All times are the same, so that two builds give the same layers.
RUN mkdir -p /out/state/data /out/root/etc/ssl/certs /out/root/usr/share/zoneinfo \
 && chmod 0777 /out/state/data \
 && cp /etc/ssl/certs/ca-certificates.crt /out/root/etc/ssl/certs/ \
 && unzip -q "$(go env GOROOT)/lib/time/zoneinfo.zip" -d /out/root/usr/share/zoneinfo \
 && find /out -exec touch -d @0 {} +

COPY . .
ARG VERSION=dev
ARG REVISION=
ARG CREATED=
ARG TARGETOS
ARG TARGETARCH
ARG TARGETVARIANT
# Without HTTP/2 it is half a megabyte smaller; no engine and no receiver needs it.
# Without inlining in TLS and in defib itself it is another half: there what takes
# time is the network. In all that an answer passes through it would cost a tenth.
# What a checkout is at is told by the arguments: .git is not here.
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} go build \
      -buildvcs=false -tags nethttpomithttp2 -trimpath \
      -gcflags=crypto/...=-l -gcflags=vendor/...=-l -gcflags=defib=-l -gcflags=defib/...=-l \
      -ldflags "-s -w -X main.version=$VERSION -X main.commit=$REVISION -X main.date=$CREATED" -o /out/defib . \
 && touch -d @0 /out/defib


FROM scratch
COPY --from=build /out/root/ /
COPY --from=build --chown=65532:65532 /out/state/ /
COPY --from=build /out/defib /defib

# Seldom, since each probe costs the engine about 60 ms of CPU.
HEALTHCHECK --interval=60s --timeout=10s --start-period=10s --retries=3 CMD ["/defib", "healthcheck"]

# Where it remembers over its own restarts; a volume there outlives the container.
ENV AUTOHEAL_STATE_DIR=/data

# There is no USER: root owns the engine's socket. Run it with all
# capabilities dropped, or as any user behind a socket proxy.
ENTRYPOINT ["/defib"]

# Of the commit that it is built from: make image gives them.
ARG VERSION=dev
ARG REVISION=
ARG CREATED=
ARG SOURCE=
# io.github.defib is how a defib knows itself and its like.
LABEL io.github.defib="" \
      org.opencontainers.image.title="defib" \
      org.opencontainers.image.description="Restarts unhealthy Docker containers without doing harm, and tells people" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.source="$SOURCE"
