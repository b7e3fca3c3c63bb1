/*
 * The command `tlsify`: starts the program `tlsify-main` that lies beside it, with an environment in which the runtime has one
 * thread, makes no executable memory, and is told nothing else. Its settings are read once, at its start, so nobody but the
 * program that execs it can give them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define EXIT_CONFIGURATION 78 /* EX_CONFIG of sysexits.h */

extern char **environ;

/* The same lists as in src/os/runtime.ts. */
static const char *const SCRUBBED[] = {"BUN_", "NODE_", "LD_", "MALLOC_", "MIMALLOC_", "GLIBC_TUNABLES=", "GCONV_PATH=", "JSC_"};
static char *SETTINGS[] = {"BUN_JSC_useJIT=0", "BUN_JSC_useConcurrentGC=0", "BUN_JSC_numberOfGCMarkers=1",
                           "BUN_FEATURE_FLAG_DISABLE_ASYNC_TRANSPILER=1", "BUN_JSC_structureHeapSizeInKB=65536",
                           "MIMALLOC_ARENA_RESERVE=65536"};

enum { SETTING_COUNT = sizeof SETTINGS / sizeof *SETTINGS, SCRUBBED_COUNT = sizeof SCRUBBED / sizeof *SCRUBBED };

static int fail(const char *what, int error) {
  fprintf(stderr, "tlsify: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
  return EXIT_CONFIGURATION;
}

/*
 * No other file may come to have the number of standard input, output or error that is not there. Input is then empty. The runtime
 * would open /dev/null for output, too: what a server says would vanish without an error. So that one cannot be written to (as the
 * C library does it for setuid programs).
 */
static bool occupy_standard(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDONLY) != fd) return false;
  return true;
}

static bool scrubbed(const char *variable) {
  for (int index = 0; index < SCRUBBED_COUNT; index++)
    if (strncmp(variable, SCRUBBED[index], strlen(SCRUBBED[index])) == 0) return true;
  return false;
}

int main(int argc, char **argv) {
  static const char MAIN[] = "tlsify-main";
  char path[PATH_MAX];
  if (argc < 1) return fail("started without a name", 0);
  /* Neither the runtime nor tlsify is written to be given somebody else's authority. */
  if (getauxval(AT_SECURE) != 0) return fail("does not run setuid, setgid or with file capabilities", 0);

  if (!occupy_standard()) return fail("/dev/null", errno);
  ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  if (length < 0) return fail("cannot find its own directory: /proc/self/exe", errno);
  char *slash = memrchr(path, '/', (size_t)length);
  if (slash == NULL || (size_t)(slash + 1 - path) + sizeof MAIN > sizeof path) return fail("its own path is too long", 0);
  memcpy(slash + 1, MAIN, sizeof MAIN);

  size_t count = 0, kept = 0;
  while (environ[count] != NULL) count++;
  char **environment = calloc(count + SETTING_COUNT + 1, sizeof *environment);
  if (environment == NULL) return fail("no memory", errno);
  for (size_t index = 0; index < count; index++)
    if (!scrubbed(environ[index])) environment[kept++] = environ[index];
  memcpy(environment + kept, SETTINGS, sizeof SETTINGS);

  execve(path, argv, environment);
  int error = errno;
  path[sizeof path - 1] = '\0';
  return fail(path, error);
}
