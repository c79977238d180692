#!/bin/sh
# Makes the secrets that docker-compose.yml wants, each in a file of its own. What is there already stays: put the keys of a real
# gateway into api-key and x-api-key, and run it again at will.
set -eu
umask 077
dir=$(dirname "$0")/secrets
mkdir -p "$dir"

# put writes a secret, unless there is one. Containers read it as other users than yours: the folder keeps everybody else out.
put() {
  [ -s "$dir/$1" ] || printf '%s\n' "$2" >"$dir/$1"
  chmod 444 "$dir/$1"
}

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

put api-key "sandbox-$(random)"
put x-api-key "sandbox-$(random)"
put token "$(random)"
put redis-password "$(random)"
put redis-url "redis://:$(cat "$dir/redis-password")@redis:6379/0"
put grafana-password "$(random)"
