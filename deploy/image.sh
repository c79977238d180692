#!/bin/sh
# Lays out all that is in the image as a folder: the Dockerfile runs it, and so may whoever packages hpplink in another way.
# It needs Go, and the certificates of Debian's or Alpine's package ca-certificates. The same tree gives the same bytes, wherever
# and whenever it is built.
#
#   sh deploy/image.sh OUT [VERSION]     VERSION: what hpplink --version says; without one, what git says
#   GOARCH=arm64 sh deploy/image.sh OUT  for another machine
#   CA_BUNDLE=/path/to.pem …             other certificates than this system's
set -eu

out=${1:?"say where: sh deploy/image.sh OUT [VERSION]"}
cd "$(dirname "$0")/.."
version=${2:-$(git describe --tags --always --dirty 2>/dev/null || echo development)}
bundle=${CA_BUNDLE:-/etc/ssl/certs/ca-certificates.crt}
umask 022

mkdir -p "$out"
out=$(cd "$out" && pwd)
if [ -n "$(ls -A "$out")" ]; then
  echo "$out is not empty: choose another folder" >&2
  exit 2
fi
mkdir -p "$out/usr/bin" "$out/etc/ssl/certs" "$out/tmp"
chmod 1777 "$out/tmp"

# Of the dashboard's scripts the source maps, for its own developers, are the larger part: a ninth of the program. They can be
# left out of a copy of the dependencies only. grpcnotrace leaves out debugging pages of grpc's that hpplink does not serve.
# Only the demo's Redis and its Lua are compiled for size; all functions are aligned to 16 bytes, as C compilers do, not to 32.
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT INT TERM
cp -R go.mod go.sum cmd internal "$tree"
(
  cd "$tree"
  go mod vendor
  find vendor/github.com/hibiken/asynqmon/ui/build -name '*.map' -exec rm -f {} +
  CGO_ENABLED=0 GOOS=linux GOFLAGS= go build -mod=vendor -trimpath -buildvcs=false -tags grpcnotrace \
    -gcflags=github.com/alicebob/miniredis/...=-l -gcflags=github.com/yuin/gopher-lua/...=-l \
    -ldflags "-s -w -buildid= -funcalign=16 -X github.com/hpplink/hpplink/internal/cli.version=$version" \
    -o "$out/usr/bin/hpplink" ./cmd/hpplink
)

cp "$bundle" "$out/etc/ssl/certs/ca-certificates.crt"
chmod 644 "$out/etc/ssl/certs/ca-certificates.crt"
echo 'hpplink:x:65532:65532:hpplink:/:/usr/bin/hpplink' >"$out/etc/passwd"
echo 'hpplink:x:65532:' >"$out/etc/group"
find "$out" -exec env TZ=UTC touch -h -t 198001010000 {} +
