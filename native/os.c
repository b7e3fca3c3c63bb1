/*
 * System calls for tlsify, one function each, as src/os/native.ts describes them: no parsing, no policy, no memory but the stack.
 *
 * dispatch() checks and decodes the arguments of every call by the letters in its table entry before any of the code of that
 * call runs. A wrong type is a TypeError, a number or range that does not fit is a RangeError, and a call that the kernel refuses
 * returns -errno. Nothing is kept between calls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NAPI_VERSION 8
#include <node_api.h>

enum {
  MAX_ARGUMENTS = 6,
  MAX_TEXTS = 4,
  MAX_BUFFERS = 64,           /* of one gathering write */
  MAX_POLLED = 64,            /* descriptors of one poll */
  MAX_EPOLL_EVENTS = 256,
  MAX_PASSED = 16,            /* descriptors in one message */
  MAX_LIST = 64,              /* signals, groups */
  MAX_ADDRESSES = 64,         /* of one look-up */
  MAX_RULE = 64,              /* bytes of a Landlock rule; the kernel's are 12 and 16 */
  MAX_EXECUTE_STRINGS = 4096, /* argv and environment together */
  MAX_EXECUTE_BYTES = 512 * 1024,
  UNCONFINED_USER = 254,      /* what a look-up answers in place of a status of getaddrinfo */
  UNCONFINED_FILTER = 255,
};

struct argument {
  napi_value value;
  long number;
  uint8_t *bytes; /* what a letter b, r, a or s points at */
  size_t length;  /* bytes, for b, r and s; elements, for a */
};

struct call {
  napi_env env;
  const struct entry *entry;
  bool thrown;
  size_t texts;
  struct argument argument[MAX_ARGUMENTS];
  char text[MAX_TEXTS][PATH_MAX];
};

/*
 * Letters: i int32, u uint32, m 32 bits as either (JavaScript's bit operators give int32), n safe integer, f boolean, s string,
 * b Uint8Array, a Int32Array, r a range (Uint8Array, offset, length), l an array, which the call itself decodes. Reading an array may
 * run the caller's code, which could take other memory away, so no call has both an l and a b, a or r.
 */
struct entry {
  const char *name;
  const char *letters;
  long (*run)(struct call *);
};

#define INT(n) ((int)c->argument[n].number)
#define NUMBER(n) (c->argument[n].number)
#define BYTES(n) (c->argument[n].bytes)
#define LENGTH(n) (c->argument[n].length)
#define TEXT(n) ((char *)c->argument[n].bytes)
#define INTS(n) ((int32_t *)(void *)c->argument[n].bytes)
#define ADDRESS(n) ((struct sockaddr *)(void *)c->argument[n].bytes)

static long checked(long result) { return result == -1 ? -errno : result; }

/* --- Arguments ------------------------------------------------------------------------------------------------------------ */

static bool refuse(struct call *c, bool range, const char *problem) {
  char message[160];
  snprintf(message, sizeof message, "%s: %s", c->entry->name, problem);
  if (!c->thrown) (range ? napi_throw_range_error : napi_throw_type_error)(c->env, NULL, message);
  c->thrown = true;
  return false;
}

static bool decode_number(struct call *c, napi_value value, double least, double most, long *number) {
  double exact;
  if (napi_get_value_double(c->env, value, &exact) != napi_ok) return refuse(c, false, "a number is expected");
  if (!(exact >= least && exact <= most)) return refuse(c, true, "a number is out of range");
  *number = (long)exact;
  if ((double)*number != exact) return refuse(c, true, "a whole number is expected");
  return true;
}

static bool decode_flag(struct call *c, napi_value value, long *number) {
  bool on;
  if (napi_get_value_bool(c->env, value, &on) != napi_ok) return refuse(c, false, "a boolean is expected");
  *number = on;
  return true;
}

static bool decode_array(struct call *c, napi_value value, napi_typedarray_type wanted, struct argument *to) {
  napi_typedarray_type type;
  void *bytes;
  bool typed;
  if (napi_is_typedarray(c->env, value, &typed) != napi_ok || !typed ||
      napi_get_typedarray_info(c->env, value, &type, &to->length, &bytes, NULL, NULL) != napi_ok || type != wanted)
    return refuse(c, false, wanted == napi_uint8_array ? "a Uint8Array is expected" : "an Int32Array is expected");
  static int32_t nothing; /* an empty array may have no memory at all */
  to->bytes = to->length == 0 ? (uint8_t *)&nothing : bytes;
  return true;
}

/* A NUL inside would make the kernel see another, shorter string than the caller checked. */
static bool decode_text(struct call *c, napi_value value, char *text, size_t capacity, size_t *length) {
  if (napi_get_value_string_utf8(c->env, value, NULL, 0, length) != napi_ok) return refuse(c, false, "a string is expected");
  if (*length >= capacity) return refuse(c, true, "a string is too long");
  if (napi_get_value_string_utf8(c->env, value, text, capacity, length) != napi_ok) return refuse(c, false, "a string is expected");
  if (strlen(text) != *length) return refuse(c, false, "a string has a NUL in it");
  return true;
}

static bool decode_range(struct call *c, const napi_value *values, struct argument *to) {
  const double most = 9007199254740991.0;
  long offset, length;
  if (!decode_array(c, values[0], napi_uint8_array, to) || !decode_number(c, values[1], 0, most, &offset) ||
      !decode_number(c, values[2], 0, most, &length))
    return false;
  if ((size_t)offset > to->length || (size_t)length > to->length - (size_t)offset)
    return refuse(c, true, "the range is outside of its buffer");
  to->bytes += offset;
  to->length = (size_t)length;
  return true;
}

static bool decode(struct call *c, const napi_value *values) {
  struct argument *to = c->argument;
  for (const char *letter = c->entry->letters; *letter != '\0'; letter++, to++, values++) {
    bool good = true;
    to->value = *values;
    switch (*letter) {
      case 'i': good = decode_number(c, *values, INT32_MIN, INT32_MAX, &to->number); break;
      case 'u': good = decode_number(c, *values, 0, UINT32_MAX, &to->number); break;
      case 'm': good = decode_number(c, *values, INT32_MIN, UINT32_MAX, &to->number); break;
      case 'n': good = decode_number(c, *values, -9007199254740991.0, 9007199254740991.0, &to->number); break;
      case 'f': good = decode_flag(c, *values, &to->number); break;
      case 'b': good = decode_array(c, *values, napi_uint8_array, to); break;
      case 'a': good = decode_array(c, *values, napi_int32_array, to); break;
      case 'r': good = decode_range(c, values, to); values += 2; break;
      case 's':
        to->bytes = (uint8_t *)c->text[c->texts++];
        good = decode_text(c, *values, (char *)to->bytes, PATH_MAX, &to->length);
        break;
      case 'l': break;
      default: abort();
    }
    if (!good) return false;
  }
  return true;
}

/* Fetching an element may run the caller's code (an accessor), so all are fetched before any memory is looked at. */
static bool elements(struct call *c, napi_value array, napi_value *to, size_t most, size_t *count) {
  bool is_array;
  uint32_t length;
  if (napi_is_array(c->env, array, &is_array) != napi_ok || !is_array || napi_get_array_length(c->env, array, &length) != napi_ok)
    return refuse(c, false, "an array is expected");
  if (length > most) return refuse(c, true, "the array is too long");
  for (uint32_t index = 0; index < length; index++) {
    if (napi_get_element(c->env, array, index, &to[index]) != napi_ok) {
      bool pending = false;
      c->thrown = napi_is_exception_pending(c->env, &pending) == napi_ok && pending;
      return refuse(c, false, "an element cannot be read");
    }
  }
  *count = length;
  return true;
}

/* A seccomp filter, which the kernel itself checks. */
static bool program(struct call *c, int index, struct sock_fprog *to) {
  size_t count = LENGTH(index) / sizeof(struct sock_filter);
  if (LENGTH(index) % sizeof(struct sock_filter) != 0 || count > BPF_MAXINSNS)
    return refuse(c, true, "at most 4096 instructions of 8 bytes");
  *to = (struct sock_fprog){(unsigned short)count, (void *)BYTES(index)};
  return true;
}

/* The buffers of a gathering write, without the first `skip` bytes of them. */
static bool gather(struct call *c, napi_value array, long skip, struct iovec *to, int *count) {
  napi_value values[MAX_BUFFERS];
  size_t length;
  if (skip < 0) return refuse(c, true, "a number is out of range");
  if (!elements(c, array, values, MAX_BUFFERS, &length)) return false;
  *count = 0;
  for (size_t index = 0; index < length; index++) {
    struct argument buffer;
    if (!decode_array(c, values[index], napi_uint8_array, &buffer)) return false;
    size_t skipped = (size_t)skip < buffer.length ? (size_t)skip : buffer.length;
    skip -= (long)skipped;
    if (buffer.length > skipped) to[(*count)++] = (struct iovec){buffer.bytes + skipped, buffer.length - skipped};
  }
  return skip == 0 || refuse(c, true, "the bytes to skip are more than there are");
}

static bool integers(struct call *c, napi_value array, long *to, size_t *count) {
  napi_value values[MAX_LIST];
  if (!elements(c, array, values, MAX_LIST, count)) return false;
  for (size_t index = 0; index < *count; index++)
    if (!decode_number(c, values[index], 0, UINT32_MAX, &to[index])) return false;
  return true;
}

/* --- Descriptors and sockets ---------------------------------------------------------------------------------------------- */

static long no_wait(struct call *c, ssize_t (*call)(int, const struct iovec *, int, off_t, int)) {
  struct iovec buffer = {BYTES(1), LENGTH(1)};
  return checked(call(INT(0), &buffer, 1, -1, RWF_NOWAIT));
}

static long os_writev(struct call *c) {
  struct iovec buffers[MAX_BUFFERS];
  int count;
  if (!gather(c, c->argument[1].value, NUMBER(2), buffers, &count)) return 0;
  return checked(writev(INT(0), buffers, count));
}

static long os_sendVector(struct call *c) {
  struct iovec buffers[MAX_BUFFERS];
  int count;
  if (!gather(c, c->argument[1].value, NUMBER(2), buffers, &count)) return 0;
  struct msghdr message = {.msg_iov = buffers, .msg_iovlen = (size_t)count};
  return checked(sendmsg(INT(0), &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static long with_flag(int fd, int get, int set, int flag, bool on) {
  int flags = fcntl(fd, get);
  if (flags == -1) return -errno;
  return checked(fcntl(fd, set, on ? flags | flag : flags & ~flag));
}

static long os_fileType(struct call *c) {
  struct stat status;
  return fstat(INT(0), &status) == -1 ? -errno : (long)(status.st_mode & S_IFMT);
}

static long os_sameFile(struct call *c) {
  struct stat one, other;
  if (fstat(INT(0), &one) == -1 || fstat(INT(1), &other) == -1) return -errno;
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static long os_pipe(struct call *c) {
  if (LENGTH(0) < 2) return refuse(c, true, "two elements are needed");
  return checked(pipe2(INTS(0), O_CLOEXEC));
}

static long os_socketpair(struct call *c) {
  if (LENGTH(2) < 2) return refuse(c, true, "two elements are needed");
  return checked(socketpair(INT(0), INT(1) | SOCK_CLOEXEC, 0, INTS(2)));
}

/* With room for every kind of address there are no truncated ones. */
static bool address_room(struct call *c, int index) {
  return LENGTH(index) >= sizeof(struct sockaddr_storage) || refuse(c, true, "an address needs 128 bytes");
}

static long os_accept(struct call *c) {
  socklen_t length = sizeof(struct sockaddr_storage);
  if (!address_room(c, 1)) return 0;
  if (LENGTH(2) < 1) return refuse(c, true, "one element is needed");
  long fd = checked(accept4(INT(0), ADDRESS(1), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  INTS(2)[0] = fd < 0 ? 0 : (int32_t)length;
  return fd;
}

static long address(struct call *c, __typeof__(getsockname) *call) {
  socklen_t length = sizeof(struct sockaddr_storage);
  if (!address_room(c, 1)) return 0;
  return call(INT(0), ADDRESS(1), &length) == -1 ? -errno : (long)length;
}

static long os_getSocketOption(struct call *c) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(INT(0), INT(1), INT(2), &value, &length) == -1 ? -errno : value;
}

static long os_interfaceIndex(struct call *c) {
  unsigned index = if_nametoindex(TEXT(0));
  return index == 0 ? -errno : (long)index;
}

union passed {
  struct cmsghdr header;
  char space[CMSG_SPACE(MAX_PASSED * sizeof(int))];
};

static long os_sendDescriptors(struct call *c) {
  size_t bytes = LENGTH(2) * sizeof(int);
  if (LENGTH(1) == 0) return refuse(c, true, "a payload is needed");
  if (LENGTH(2) == 0 || LENGTH(2) > MAX_PASSED) return refuse(c, true, "1 to 16 descriptors can be sent");
  union passed control = {.space = {0}};
  struct iovec payload = {BYTES(1), LENGTH(1)};
  struct msghdr message = {.msg_iov = &payload, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(bytes)};
  control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(bytes), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(&control.header), INTS(2), bytes);
  return checked(sendmsg(INT(0), &message, MSG_NOSIGNAL));
}

static long os_receiveDescriptors(struct call *c) {
  if (LENGTH(3) < 1) return refuse(c, true, "one element is needed");
  union passed control = {.space = {0}};
  struct iovec payload = {BYTES(1), LENGTH(1)};
  struct msghdr message = {.msg_iov = &payload, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  INTS(3)[0] = 0;
  ssize_t received = recvmsg(INT(0), &message, MSG_CMSG_CLOEXEC);
  if (received == -1) return -errno;

  int fds[MAX_PASSED];
  size_t count = 0;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    size_t more = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    if (more > MAX_PASSED - count) abort(); /* the kernel wrote past its space */
    memcpy(fds + count, CMSG_DATA(part), more * sizeof(int));
    count += more;
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0 || count > LENGTH(2)) {
    while (count > 0) close(fds[--count]);
    return -EMSGSIZE;
  }
  memcpy(INTS(2), fds, count * sizeof(int));
  INTS(3)[0] = (int32_t)count;
  return received;
}

/* --- Waiting and signals -------------------------------------------------------------------------------------------------- */

static long os_poll(struct call *c) {
  struct pollfd fds[MAX_POLLED];
  size_t count = LENGTH(1);
  if (count > MAX_POLLED || LENGTH(0) != 2 * count) return refuse(c, true, "at most 64 pairs, and one result for each");
  for (size_t index = 0; index < count; index++)
    fds[index] = (struct pollfd){.fd = INTS(0)[2 * index], .events = (short)INTS(0)[2 * index + 1]};
  long ready = checked(poll(fds, count, INT(2)));
  for (size_t index = 0; index < count; index++) INTS(1)[index] = ready < 0 ? 0 : fds[index].revents;
  return ready;
}

static long os_epollControl(struct call *c) {
  struct epoll_event event = {.events = (uint32_t)NUMBER(3), .data = {.u64 = (uint32_t)INT(4)}};
  return checked(epoll_ctl(INT(0), INT(1), INT(2), &event));
}

static long os_epollWait(struct call *c) {
  struct epoll_event events[MAX_EPOLL_EVENTS];
  size_t room = LENGTH(1) / 2;
  if (room == 0) return refuse(c, true, "two elements are needed");
  long count = checked(epoll_wait(INT(0), events, (int)(room < MAX_EPOLL_EVENTS ? room : MAX_EPOLL_EVENTS), INT(2)));
  for (long index = 0; index < count; index++) {
    INTS(1)[2 * index] = (int32_t)events[index].data.u32;
    INTS(1)[2 * index + 1] = (int32_t)events[index].events;
  }
  return count;
}

static long os_signalDescriptor(struct call *c) {
  long signals[MAX_LIST];
  size_t count;
  sigset_t set;
  if (!integers(c, c->argument[0].value, signals, &count)) return 0;
  sigemptyset(&set);
  for (size_t index = 0; index < count; index++)
    if (sigaddset(&set, signals[index] > INT_MAX ? 0 : (int)signals[index]) == -1) return -errno;
  int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd == -1) return -errno;
  int failure = pthread_sigmask(SIG_BLOCK, &set, NULL);
  if (failure == 0) return fd;
  close(fd);
  return -failure;
}

static long unblock_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  return -pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static long set_action(int number, void (*action)(int)) {
  struct sigaction wanted = {.sa_handler = action};
  sigemptyset(&wanted.sa_mask);
  return checked(sigaction(number, &wanted, NULL));
}

static long os_signalIgnored(struct call *c) {
  struct sigaction now;
  return sigaction(INT(0), NULL, &now) == -1 ? -errno : now.sa_handler == SIG_IGN;
}

static napi_value monotonicMs(napi_env env, napi_callback_info info) {
  (void)info;
  struct timespec now;
  napi_value value;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return napi_create_double(env, (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6, &value) == napi_ok ? value : NULL;
}

/* --- Names ---------------------------------------------------------------------------------------------------------------- */

/* Keeps nothing of the parent but its memory and `output`, which becomes descriptor 3. */
static void detach(int output) {
  for (int number = 1; number < NSIG; number++) set_action(number, SIG_DFL);
  if (output < 3) output = fcntl(output, F_DUPFD, 4); /* the parent may have been started without some of 0, 1, 2 */
  if (output == -1 || (output != 3 && dup2(output, 3) == -1)) _exit(1);
  if (syscall(SYS_close_range, 4U, ~0U, 0U) == -1 || syscall(SYS_close_range, 0U, 2U, 0U) == -1) _exit(1);
  /* A library that writes to 2 must not find the look-up's own socket there. */
  if (open("/dev/null", O_RDWR) != 0 || dup2(0, 1) == -1 || dup2(0, 2) == -1) _exit(1);
}

static void unconfined(uint8_t status) { _exit(write(3, &status, 1) == 1 ? 0 : 1); }

/* The death signal comes after the user, whose change would clear it; the filter comes last, as it may forbid the rest. */
static void confine(pid_t parent, int user, const struct sock_fprog *filter) {
  uid_t id = (uid_t)user;
  if (user >= 0 && (setgroups(0, NULL) == -1 || setresgid(id, id, id) == -1 || setresuid(id, id, id) == -1))
    unconfined(UNCONFINED_USER);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1 || getppid() != parent) _exit(1);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1) _exit(1);
  if (setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == -1) _exit(1);
  unblock_signals();
  if (filter->len > 0 && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, filter) == -1) unconfined(UNCONFINED_FILTER);
}

static void look_up(const char *host, const char *service, int family) {
  struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM}, *found = NULL;
  uint8_t answer[1 + MAX_ADDRESSES * (1 + sizeof(struct sockaddr_in6))];
  size_t length = 1;
  int status = getaddrinfo(host, service, &hints, &found);
  answer[0] = (uint8_t)(status < 0 ? -status : status);
  for (struct addrinfo *next = status == 0 ? found : NULL; next != NULL; next = next->ai_next) {
    if (next->ai_addrlen > sizeof(struct sockaddr_in6) || length + 1 + next->ai_addrlen > sizeof answer) continue;
    answer[length++] = (uint8_t)next->ai_addrlen;
    memcpy(answer + length, next->ai_addr, next->ai_addrlen);
    length += next->ai_addrlen;
  }
  /* Below PIPE_BUF: written whole or not at all. */
  _exit(write(3, answer, length) == (ssize_t)length ? 0 : 1);
}

static long os_resolve(struct call *c) {
  int ends[2];
  sigset_t all, before;
  struct sock_fprog filter;
  if (LENGTH(5) < 1) return refuse(c, true, "one element is needed");
  if (!program(c, 4, &filter)) return 0;
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1) return -errno;
  pid_t parent = getpid();
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler of the runtime ever runs in the child */
  pid_t child = fork();
  int failure = errno;
  if (child == 0) {
    detach(ends[1]);
    confine(parent, INT(3), &filter);
    look_up(TEXT(0), TEXT(1), INT(2));
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(ends[1]);
  if (child == -1) {
    close(ends[0]);
    return -failure;
  }
  INTS(5)[0] = child;
  return ends[0];
}

/* --- Processes and authority ---------------------------------------------------------------------------------------------- */

static long os_wait(struct call *c) {
  int status = 0;
  if (LENGTH(1) < 1) return refuse(c, true, "one element is needed");
  long pid = checked(waitpid(INT(0), &status, INT(2)));
  INTS(1)[0] = status;
  return pid;
}

static long os_exit(struct call *c) { _exit(INT(0)); }

struct strings {
  size_t pointers, used;
  char *pointer[MAX_EXECUTE_STRINGS];
  char bytes[MAX_EXECUTE_BYTES];
};

/* Appends an array of strings and the NULL that closes it; `first` is set to where it begins. */
static bool append(struct call *c, napi_value array, struct strings *to, char ***first) {
  napi_value values[MAX_EXECUTE_STRINGS];
  size_t count, length;
  if (!elements(c, array, values, MAX_EXECUTE_STRINGS - 1 - to->pointers, &count)) return false;
  *first = to->pointer + to->pointers;
  for (size_t index = 0; index < count; index++) {
    char *at = to->bytes + to->used;
    if (!decode_text(c, values[index], at, MAX_EXECUTE_BYTES - to->used, &length)) return false;
    to->pointer[to->pointers++] = at;
    to->used += length + 1;
  }
  to->pointer[to->pointers++] = NULL;
  return true;
}

static long os_execute(struct call *c) {
  struct strings strings;
  char **argv, **environment;
  strings.pointers = strings.used = 0;
  if (!append(c, c->argument[1].value, &strings, &argv)) return 0;
  if (strings.pointers == MAX_EXECUTE_STRINGS) return refuse(c, true, "the array is too long");
  if (!append(c, c->argument[2].value, &strings, &environment)) return 0;
  return checked(execve(TEXT(0), argv, environment));
}

static long os_setResourceLimit(struct call *c) {
  struct rlimit limit = {.rlim_cur = (rlim_t)NUMBER(1), .rlim_max = (rlim_t)NUMBER(2)}; /* -1 is RLIM_INFINITY */
  return checked(setrlimit(INT(0), &limit));
}

static long os_setGroups(struct call *c) {
  long numbers[MAX_LIST];
  gid_t groups[MAX_LIST];
  size_t count;
  if (!integers(c, c->argument[0].value, numbers, &count)) return 0;
  for (size_t index = 0; index < count; index++) groups[index] = (gid_t)numbers[index];
  return checked(setgroups(count, groups));
}

static long os_dropCapabilities(struct call *c) {
  (void)c;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
  return checked(syscall(SYS_capset, &header, none));
}

static long os_seccompFilter(struct call *c) {
  struct sock_fprog filter;
  if (!program(c, 1, &filter)) return 0;
  return checked(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned)NUMBER(0), &filter));
}

/* The kernel knows the length of a rule from its type, so it is given a copy that is longer than any. */
static long os_landlockAddRule(struct call *c) {
  uint8_t rule[MAX_RULE] = {0};
  if (LENGTH(2) > sizeof rule) return refuse(c, true, "a rule of at most 64 bytes");
  memcpy(rule, BYTES(2), LENGTH(2));
  return checked(syscall(SYS_landlock_add_rule, INT(0), (unsigned)NUMBER(1), rule, 0U));
}

/* --- The table ------------------------------------------------------------------------------------------------------------ */

/* The calls that cannot fail, so that errno would be another's, or whose failure is an answer like another, or made to one above. */
#define SURE_CALLS(call) \
  call(getuid, "", (long)getuid()) \
  call(geteuid, "", (long)geteuid()) \
  call(getgid, "", (long)getgid()) \
  call(getegid, "", (long)getegid()) \
  call(getpid, "", getpid()) \
  call(isTerminal, "i", isatty(INT(0))) \
  call(getppid, "", getppid()) \
  call(readNoWait, "ir", no_wait(c, preadv2)) \
  call(writeNoWait, "ir", no_wait(c, pwritev2)) \
  call(setCloseOnExec, "if", with_flag(INT(0), F_GETFD, F_SETFD, FD_CLOEXEC, INT(1))) \
  call(setNonBlocking, "if", with_flag(INT(0), F_GETFL, F_SETFL, O_NONBLOCK, INT(1))) \
  call(socketName, "ib", address(c, getsockname)) \
  call(peerName, "ib", address(c, getpeername)) \
  call(unblockSignals, "", unblock_signals()) \
  call(ignoreSignal, "i", set_action(INT(0), SIG_IGN)) \
  call(defaultSignal, "i", set_action(INT(0), SIG_DFL))

/* The calls that are nothing but their arguments. */
#define PLAIN_CALLS(call) \
  call(read, "ir", read(INT(0), BYTES(1), LENGTH(1))) \
  call(write, "ir", write(INT(0), BYTES(1), LENGTH(1))) \
  call(close, "i", close(INT(0))) \
  call(dup, "iif", dup3(INT(0), INT(1), INT(2) ? O_CLOEXEC : 0)) \
  call(getFdFlags, "i", fcntl(INT(0), F_GETFD)) \
  call(getStatusFlags, "i", fcntl(INT(0), F_GETFL)) \
  call(socket, "iii", socket(INT(0), INT(1) | SOCK_CLOEXEC, INT(2))) \
  call(bind, "ib", bind(INT(0), ADDRESS(1), (socklen_t)LENGTH(1))) \
  call(listen, "ii", listen(INT(0), INT(1))) \
  call(connect, "ib", connect(INT(0), ADDRESS(1), (socklen_t)LENGTH(1))) \
  call(receive, "ir", recv(INT(0), BYTES(1), LENGTH(1), MSG_DONTWAIT | MSG_NOSIGNAL)) \
  call(send, "ir", send(INT(0), BYTES(1), LENGTH(1), MSG_DONTWAIT | MSG_NOSIGNAL)) \
  call(shutdown, "ii", shutdown(INT(0), INT(1))) \
  call(setSocketOption, "iiii", setsockopt(INT(0), INT(1), INT(2), &(int){INT(3)}, sizeof(int))) \
  call(epollCreate, "", epoll_create1(EPOLL_CLOEXEC)) \
  call(kill, "ii", kill(INT(0), INT(1))) \
  call(fork, "", fork()) \
  call(prctl, "innnn", prctl(INT(0), NUMBER(1), NUMBER(2), NUMBER(3), NUMBER(4))) \
  call(unshare, "m", unshare((int)NUMBER(0))) \
  call(setResGid, "u", setresgid((gid_t)NUMBER(0), (gid_t)NUMBER(0), (gid_t)NUMBER(0))) \
  call(setResUid, "u", setresuid((uid_t)NUMBER(0), (uid_t)NUMBER(0), (uid_t)NUMBER(0))) \
  call(chroot, "s", chroot(TEXT(0))) \
  call(chdir, "s", chdir(TEXT(0))) \
  call(mount, "sssms", mount(TEXT(0), TEXT(1), TEXT(2), (uint32_t)NUMBER(3), TEXT(4))) \
  call(unmount, "si", umount2(TEXT(0), INT(1))) \
  call(pivotRoot, "ss", syscall(SYS_pivot_root, TEXT(0), TEXT(1))) \
  call(openFile, "siu", open(TEXT(0), INT(1) | O_CLOEXEC | O_NOCTTY, (mode_t)NUMBER(2))) \
  call(landlockCreateRuleset, "bu", \
       syscall(SYS_landlock_create_ruleset, LENGTH(0) == 0 ? NULL : BYTES(0), LENGTH(0), (unsigned)NUMBER(1))) \
  call(landlockRestrictSelf, "iu", syscall(SYS_landlock_restrict_self, INT(0), (unsigned)NUMBER(1))) \
  call(closeRange, "uuu", syscall(SYS_close_range, (unsigned)NUMBER(0), (unsigned)NUMBER(1), (unsigned)NUMBER(2)))

#define DEFINE_CALL(name, letters, expression) \
  static long os_##name(struct call *c) { \
    (void)c; \
    return expression; \
  }
#define DEFINE_CHECKED_CALL(name, letters, expression) DEFINE_CALL(name, letters, checked(expression))
#define TABLE_ENTRY(name, letters, expression) {#name, letters, os_##name},

SURE_CALLS(DEFINE_CALL)
PLAIN_CALLS(DEFINE_CHECKED_CALL)

static const struct entry ENTRIES[] = {
  SURE_CALLS(TABLE_ENTRY)
  PLAIN_CALLS(TABLE_ENTRY)
  {"writev", "iln", os_writev},
  {"sendVector", "iln", os_sendVector},
  {"fileType", "i", os_fileType},
  {"sameFile", "ii", os_sameFile},
  {"pipe", "a", os_pipe},
  {"socketpair", "iia", os_socketpair},
  {"accept", "iba", os_accept},
  {"getSocketOption", "iii", os_getSocketOption},
  {"interfaceIndex", "s", os_interfaceIndex},
  {"sendDescriptors", "iba", os_sendDescriptors},
  {"receiveDescriptors", "ibaa", os_receiveDescriptors},
  {"poll", "aai", os_poll},
  {"epollControl", "iiimi", os_epollControl},
  {"epollWait", "iai", os_epollWait},
  {"signalDescriptor", "l", os_signalDescriptor},
  {"signalIgnored", "i", os_signalIgnored},
  {"resolve", "ssiiba", os_resolve},
  {"wait", "iai", os_wait},
  {"exit", "i", os_exit},
  {"execute", "sll", os_execute},
  {"setResourceLimit", "inn", os_setResourceLimit},
  {"setGroups", "l", os_setGroups},
  {"dropCapabilities", "", os_dropCapabilities},
  {"seccompFilter", "ub", os_seccompFilter},
  {"landlockAddRule", "iub", os_landlockAddRule},
};

static napi_value dispatch(napi_env env, napi_callback_info info) {
  struct call c; /* its texts stay uninitialised until a letter s asks for one */
  napi_value values[MAX_ARGUMENTS], value;
  size_t count = MAX_ARGUMENTS;
  void *entry;
  if (napi_get_cb_info(env, info, &count, values, NULL, &entry) != napi_ok) return NULL;
  c.env = env;
  c.entry = entry;
  c.thrown = false;
  c.texts = 0;
  if (!decode(&c, values)) return NULL;
  long result = c.entry->run(&c);
  return c.thrown || napi_create_int64(env, result, &value) != napi_ok ? NULL : value;
}

NAPI_MODULE_INIT() {
  napi_value function;
  for (size_t index = 0; index < sizeof ENTRIES / sizeof *ENTRIES; index++) {
    const struct entry *entry = &ENTRIES[index];
    if (napi_create_function(env, entry->name, NAPI_AUTO_LENGTH, dispatch, (void *)entry, &function) != napi_ok ||
        napi_set_named_property(env, exports, entry->name, function) != napi_ok)
      return NULL;
  }
  if (napi_create_function(env, "monotonicMs", NAPI_AUTO_LENGTH, monotonicMs, NULL, &function) != napi_ok ||
      napi_set_named_property(env, exports, "monotonicMs", function) != napi_ok)
    return NULL;
  return exports;
}
