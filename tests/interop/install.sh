#!/bin/sh
# Installs the peers of tests/interop, as root. Debian's packages are those of the README's test command; the peers in Go and Rust
# need newer compilers than Debian 12 has, so those are taken from PATH, and Debian's only where there are none.
set -eu
cd "$(dirname "$0")"

apt-get install -y -q --no-install-recommends \
  openssl gnutls-bin libnss3-tools nginx-light python3 default-jdk-headless busybox curl chromium
command -v go >/dev/null || apt-get install -y -q --no-install-recommends golang-go
command -v cargo >/dev/null || apt-get install -y -q --no-install-recommends cargo

PATH=$(cd ../.. && pwd)/node_modules/.bin:$PATH
bun -e 'import { buildGoPeer, buildGoVerifier, buildRustlsPeer } from "./builds.ts"; buildGoPeer(); buildGoVerifier(); buildRustlsPeer()'
