/*
 * System calls for the program: one table, one function. A result is the kernel's own: what is negative is a negated errno.
 */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * The arguments, one letter each, in the kernel's order. Of the caller:
 *   i  a number
 *   s  a path or name: bytes with a NUL in them
 *   b  a buffer; the length that follows (n) is cut to what it has
 *   x  a buffer for struct statx, t  two struct timespec, w  a struct winsize, v  an array of struct pollfd; n counts those
 *   m  milliseconds, which become a struct timespec; negative: for ever
 * Constants, for calls that exist in their "at" form alone on arm64, and where one request alone is wanted:
 *   A  AT_FDCWD, 0  zero, D  AT_REMOVEDIR, W  TIOCGWINSZ
 */
static const struct call {
  const char *name;
  long number;
  const char *arguments;
} calls[] = {
    {"open", SYS_openat, "Asii"},
    {"close", SYS_close, "i"},
    {"read", SYS_read, "ibn"},
    {"write", SYS_write, "ibn"},
    {"ftruncate", SYS_ftruncate, "ii"},
    {"lseek", SYS_lseek, "iii"},
    {"memfd_create", SYS_memfd_create, "si"},
    {"flock", SYS_flock, "ii"},
    {"linkat", SYS_linkat, "isisi"},
    {"rename", SYS_renameat2, "AsAs0"},
    {"unlink", SYS_unlinkat, "As0"},
    {"mkdir", SYS_mkdirat, "Asi"},
    {"rmdir", SYS_unlinkat, "AsD"},
    {"getdents64", SYS_getdents64, "ibn"},
    {"statx", SYS_statx, "isiix"},
    {"utimensat", SYS_utimensat, "isti"},
    {"setns", SYS_setns, "ii"},
    {"socket", SYS_socket, "iii"},
    {"setsockopt", SYS_setsockopt, "iiibn"},
    {"bind", SYS_bind, "ibn"},
    {"connect", SYS_connect, "ibn"},
    {"recv", SYS_recvfrom, "ibni00"},
    {"poll", SYS_ppoll, "vnm0"},
    {"terminalSize", SYS_ioctl, "iWw"},
};

static int size_of_item(char kind) {
  switch (kind) {
    case 'x': return 256; /* struct statx */
    case 't': return 32; /* two struct timespec */
    case 'v': return 8; /* struct pollfd */
    case 'w': return sizeof(struct winsize);
    default: return 1;
  }
}

static JSValue call(JSContext *context, JSValueConst self, int argc, JSValueConst *argv, int which) {
  (void)self;
  const struct call *call = &calls[which];
  long values[7] = {0};
  struct timespec time;
  size_t room = 0;
  int given = 0;
  for (int i = 0; call->arguments[i] != 0; i++) {
    const char kind = call->arguments[i];
    if (kind == 'A') values[i] = AT_FDCWD;
    if (kind == 'D') values[i] = AT_REMOVEDIR;
    if (kind == 'W') values[i] = TIOCGWINSZ;
    if (strchr("AD0W", kind) != NULL) continue;
    JSValueConst value = given < argc ? argv[given] : JS_UNDEFINED;
    given++;
    if (kind == 's') {
      const char *text;
      if (!read_cstring(context, value, &text)) return JS_EXCEPTION;
      values[i] = (long)text;
    } else if (strchr("bxtwv", kind) != NULL) {
      uint8_t *bytes;
      size_t length;
      if (!read_bytes(context, value, &bytes, &length)) return JS_EXCEPTION;
      room = length / (size_t)size_of_item(kind);
      if (room == 0 && strchr("xtw", kind) != NULL) return JS_ThrowRangeError(context, "%s: the buffer is too short", call->name);
      values[i] = (long)bytes;
    } else {
      int64_t number;
      if (!read_number(context, value, &number)) return JS_EXCEPTION;
      if (kind == 'n' && (number < 0 || (uint64_t)number > room)) number = (int64_t)room;
      if (kind == 'm' && number >= 0) {
        time = (struct timespec){number / 1000, number % 1000 * 1000000};
        number = (long)&time;
      } else if (kind == 'm') {
        number = 0;
      }
      values[i] = number;
    }
  }
  long result = syscall(call->number, values[0], values[1], values[2], values[3], values[4], values[5]);
  return JS_NewInt64(context, result == -1 ? -errno : result);
}

int add_calls(JSContext *context, JSValueConst host) {
  for (int i = 0; i < (int)(sizeof calls / sizeof *calls); i++) {
    JSValue function = JS_NewCFunctionMagic(context, call, calls[i].name, 0, JS_CFUNC_generic_magic, i);
    if (JS_SetPropertyStr(context, host, calls[i].name, function) < 0) return -1;
  }
  return 0;
}
