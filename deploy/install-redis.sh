#!/bin/sh
# Installs redis-server with the system's package manager, for the tests. The server that a
# package may start by itself is not used: every test run starts its own.
set -eu

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    echo "redis-server is missing: run as root: $*" >&2
    exit 1
  fi
}

echo "redis-server is missing: installing it"
if command -v apt-get >/dev/null; then
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server >/dev/null
elif command -v dnf >/dev/null; then as_root dnf install -y -q redis
elif command -v apk >/dev/null; then as_root apk add -q redis
elif command -v pacman >/dev/null; then as_root pacman -S --noconfirm redis
elif command -v brew >/dev/null; then brew install -q redis
else
  echo "no known package manager: install redis-server 6.2 or newer, so that it is in PATH, and try again" >&2
  exit 1
fi
