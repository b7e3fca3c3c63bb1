#!/usr/bin/env python3
"""Fetches https://HOST:PORT/ without the ssl module: plain bytes on a socket, TLS in another process."""

import socket
import subprocess
import sys


def start_tls(network: socket.socket, host: str) -> tuple[socket.socket, subprocess.Popen]:
    """Takes a connected socket; returns the plain side, and the process whose exit code tells how the connection ended."""
    plain, theirs = socket.socketpair()
    with network, theirs:
        network.setblocking(True)
        fds = (network.fileno(), theirs.fileno())
        command = ["tlsify", "connect", "--net-fd", str(fds[0]), "--app-fd", str(fds[1]), "--name", f"dns:{host}"]
        return plain, subprocess.Popen(command, pass_fds=fds)


def main(host: str, port: str) -> int:
    plain, process = start_tls(socket.create_connection((host, int(port))), host)
    try:
        plain.sendall(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode("ascii"))
        plain.shutdown(socket.SHUT_WR)
        while piece := plain.recv(65536):
            sys.stdout.buffer.write(piece)
    except ConnectionError:
        pass  # the exit code says what happened
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
