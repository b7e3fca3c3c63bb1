/*
 * Fetches https://HOST:PORT/ without a TLS library: fork, exec `tlsify connect --net-fd N --app-fd M`, and go on with plain bytes on
 * the other end of a socket pair. The TCP connection is the caller's own, so it may be made in any way.
 */
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int dial(const char *host, const char *port) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all;
  if (getaddrinfo(host, port, &hints, &all) != 0) return -1;
  int fd = -1;
  for (struct addrinfo *one = all; one != NULL && fd < 0; one = one->ai_next) {
    fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
    if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) < 0) {
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(all);
  return fd;
}

/* Takes `network`; returns the plain side, or -1. The child's exit status tells how the connection ended. */
static int start_tls(int network, const char *host, pid_t *child) {
  int plain[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, plain) < 0) return -1;
  *child = fork();
  if (*child == 0) {
    char net_fd[12], app_fd[12], name[300];
    snprintf(net_fd, sizeof net_fd, "%d", network);
    snprintf(app_fd, sizeof app_fd, "%d", plain[1]);
    snprintf(name, sizeof name, "dns:%s", host);
    fcntl(network, F_SETFD, 0); /* these two survive the exec */
    fcntl(plain[1], F_SETFD, 0);
    execlp("tlsify", "tlsify", "connect", "--net-fd", net_fd, "--app-fd", app_fd, "--name", name, (char *)NULL);
    perror("tlsify");
    _exit(127);
  }
  close(network);
  close(plain[1]);
  return plain[0];
}

int main(int argc, char **argv) {
  if (argc != 3 || strlen(argv[1]) > 255) return 64;
  int network = dial(argv[1], argv[2]);
  if (network < 0) return 69;
  pid_t child;
  int fd = start_tls(network, argv[1], &child);
  if (fd < 0) return 71;

  char buffer[4096];
  int length = snprintf(buffer, sizeof buffer, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", argv[1]);
  send(fd, buffer, (size_t)length, MSG_NOSIGNAL); /* if it fails, the exit status says why */
  shutdown(fd, SHUT_WR);
  for (ssize_t count; (count = read(fd, buffer, sizeof buffer)) > 0;) fwrite(buffer, 1, (size_t)count, stdout);

  int status;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 70;
}
