#!/bin/sh
# Installs prometheus and promtool with the system's package manager, for the tests. The service that a package brings is
# neither started nor enabled: every test run starts its own.
set -eu

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    echo "promtool is missing: run as root: $*" >&2
    exit 1
  fi
}

# Debian's packages start their services as they are installed, unless this file says no.
policy=/usr/sbin/policy-rc.d

install_quietly() {
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >/dev/null
}

on_debian() {
  if [ -e "$policy" ]; then install_quietly; return; fi
  trap 'as_root rm -f "$policy"' EXIT INT TERM
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  install_quietly
}

echo "promtool is missing: installing prometheus"
if command -v apt-get >/dev/null; then
  on_debian
  if [ -d /run/systemd/system ]; then as_root systemctl disable -q prometheus; fi
elif command -v dnf >/dev/null; then as_root dnf install -y -q golang-github-prometheus
elif command -v apk >/dev/null; then as_root apk add -q prometheus
elif command -v pacman >/dev/null; then as_root pacman -S --noconfirm prometheus
elif command -v brew >/dev/null; then brew install -q prometheus
else
  echo "no known package manager: install prometheus 2.42 or newer, so that promtool is in PATH, and try again" >&2
  exit 1
fi
