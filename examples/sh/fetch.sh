#!/bin/sh
# Fetches https://HOST:PORT/ as a shell does it: tlsify is one command of a pipeline.
# The pipeline's exit status is tlsify's: 0 means that the peer was verified and that nothing is missing at the end.
host=$1 port=${2:-443}
printf 'GET / HTTP/1.0\r\nHost: %s\r\n\r\n' "$host" | tlsify connect "$host:$port"
