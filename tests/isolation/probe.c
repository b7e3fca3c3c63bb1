// Any system call with any arguments, for the escape probe alone. It is loaded before the sandbox goes up, and stands for the
// code of an attacker who already runs inside the process. The product never loads it.
#define _GNU_SOURCE
#include <errno.h>
#include <node_api.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_ARGUMENTS 7

// A number or bigint is itself; a typed array is its address; null and undefined are 0.
static bool word(napi_env env, napi_value value, long *out) {
  napi_valuetype type;
  int64_t number;
  uint64_t wide;
  bool lossless;
  void *address;
  if (napi_typeof(env, value, &type) != napi_ok) return false;
  switch (type) {
    case napi_undefined:
    case napi_null: *out = 0; return true;
    case napi_number: *out = napi_get_value_int64(env, value, &number) == napi_ok ? (long)number : 0; return true;
    case napi_bigint:
      if (napi_get_value_bigint_uint64(env, value, &wide, &lossless) != napi_ok) return false;
      *out = (long)wide;
      return true;
    default:
      if (napi_get_typedarray_info(env, value, NULL, NULL, &address, NULL, NULL) != napi_ok) return false;
      *out = (long)(uintptr_t)address;
      return true;
  }
}

static bool words(napi_env env, napi_callback_info info, long out[MOST_ARGUMENTS]) {
  napi_value arguments[MOST_ARGUMENTS];
  size_t count = MOST_ARGUMENTS;
  memset(out, 0, sizeof(long) * MOST_ARGUMENTS);
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok) return false;
  for (size_t i = 0; i < count && i < MOST_ARGUMENTS; i++) {
    if (word(env, arguments[i], &out[i])) continue;
    napi_throw_type_error(env, NULL, "a number, a bigint, a typed array or null is expected");
    return false;
  }
  return true;
}

static napi_value result(napi_env env, long value) {
  napi_value out;
  return napi_create_int64(env, value, &out) == napi_ok ? out : NULL;
}

static napi_value call(napi_env env, napi_callback_info info) {
  long w[MOST_ARGUMENTS];
  if (!words(env, info, w)) return NULL;
  long value = syscall(w[0], w[1], w[2], w[3], w[4], w[5], w[6]);
  return result(env, value == -1 ? -errno : value);
}

// The 32-bit entry of x86-64, whose numbers differ: int $0x80 works from 64-bit code.
static napi_value call32(napi_env env, napi_callback_info info) {
  long w[MOST_ARGUMENTS];
  if (!words(env, info, w)) return NULL;
  int value = -ENOSYS;
#ifdef __x86_64__
  __asm__ volatile("int $0x80"
                   : "=a"(value)
                   : "a"((int)w[0]), "b"((int)w[1]), "c"((int)w[2]), "d"((int)w[3])
                   : "memory", "r8", "r9", "r10", "r11");
#endif
  return result(env, value);
}

static napi_value address(napi_env env, napi_callback_info info) {
  long w[MOST_ARGUMENTS];
  napi_value out;
  if (!words(env, info, w)) return NULL;
  return napi_create_bigint_uint64(env, (uint64_t)w[0], &out) == napi_ok ? out : NULL;
}

static int leave(void *unused) {
  (void)unused;
  syscall(SYS_exit, 0);
  return 0;
}

// clone(2) with the flags given and a stack of its own: a thread, or a process, that ends at once.
static napi_value clone_and_leave(napi_env env, napi_callback_info info) {
  static char stack[64 * 1024] __attribute__((aligned(16)));
  long w[MOST_ARGUMENTS];
  if (!words(env, info, w)) return NULL;
  int child = clone(leave, stack + sizeof stack, (int)w[0], NULL);
  return result(env, child == -1 ? -errno : child);
}

static napi_value vfork_and_leave(napi_env env, napi_callback_info info) {
  (void)info;
  pid_t child = vfork();
  if (child == 0) _exit(0);
  return result(env, child == -1 ? -errno : child);
}

// Runs the machine code at an address as `int (*)(void)`.
static napi_value jump(napi_env env, napi_callback_info info) {
  long w[MOST_ARGUMENTS];
  int (*code)(void);
  if (!words(env, info, w)) return NULL;
  memcpy(&code, &w[0], sizeof code);
  return result(env, code());
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback run;
  } FUNCTIONS[] = {
      {"call", call},  {"call32", call32}, {"address", address}, {"clone", clone_and_leave}, {"vfork", vfork_and_leave},
      {"jump", jump},
  };
  for (size_t i = 0; i < sizeof FUNCTIONS / sizeof *FUNCTIONS; i++) {
    napi_value function;
    if (napi_create_function(env, FUNCTIONS[i].name, NAPI_AUTO_LENGTH, FUNCTIONS[i].run, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, FUNCTIONS[i].name, function) != napi_ok)
      return NULL;
  }
  return exports;
}
