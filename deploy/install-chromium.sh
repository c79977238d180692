#!/bin/sh
# Makes sure that the tests of the pages find a browser: installs Chromium with the system's package manager unless one is there.
# Nothing of it is part of the program.
set -eu

for name in chromium chromium-browser google-chrome google-chrome-stable \
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
  if command -v "$name" >/dev/null; then exit 0; fi
done

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    echo "chromium is missing: run as root: $*" >&2
    exit 1
  fi
}

echo "chromium is missing: installing it"
if command -v apt-get >/dev/null; then
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
elif command -v dnf >/dev/null; then as_root dnf install -y -q chromium
elif command -v apk >/dev/null; then as_root apk add -q chromium
elif command -v pacman >/dev/null; then as_root pacman -S --noconfirm chromium
elif command -v brew >/dev/null; then brew install -q --cask chromium
else
  echo "no known package manager: install Chromium or Chrome, so that it is in PATH, and try again" >&2
  exit 1
fi
