#!/bin/sh
# Installs Debian packages: those named, or what the tests need. Does nothing where all are there.
set -eu

missing=
for package in ${*:-slapd postgresql curl}; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "These are needed, and can only be installed by themselves on Debian and Ubuntu:$missing" >&2
  exit 2
fi
sudo=
if [ "$(id -u)" != 0 ]; then
  sudo=sudo
  command -v sudo >/dev/null || { echo "Not root and no sudo. As root: apt-get install$missing" >&2; exit 2; }
fi

echo "Installing$missing …"
# The tests start servers of their own: the packages' services need no database to begin with.
echo 'slapd slapd/no_configuration boolean true' | $sudo debconf-set-selections
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
