/* Another program, run to its end. */
#include "host.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct start {
  const char *path;
  char **environment;
  int files[3];
  pid_t parent;
  volatile int failure; /* errno; the child writes it into our memory (vfork) */
};

/* Behind vfork(2): nothing but system calls. The child begins as if nobody had called it: with no descriptors but its three,
 * default signals, and in a group of its own, so that it can be ended with all that it has started. */
static void become(struct start *start) {
  /* The program must not outlive us: whoever ends us on a time-out ends the whole call. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != start->parent || setpgid(0, 0) < 0) goto failed;
  /* Out of the way of 0 to 2 first: they may come in any order. */
  int high[3];
  for (int i = 0; i < 3; i++) {
    high[i] = dup(start->files[i]);
    while (high[i] >= 0 && high[i] < 3) high[i] = dup(high[i]);
    if (high[i] < 0) goto failed;
  }
  for (int i = 0; i < 3; i++) {
    if (dup2(high[i], i) < 0) goto failed;
  }
  if (syscall(SYS_close_range, 3, ~0U, 0) < 0) {
    /* Linux before 5.9. */
    for (int i = 3; i < 1024; i++) close(i);
  }
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  char *arguments[] = {(char *)start->path, NULL};
  execve(start->path, arguments, start->environment);
failed:
  start->failure = errno == 0 ? ESRCH : errno;
  _exit(127);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Waits for the child to end, or ends it and its group when the time is over. Its exit status; 1000 and the signal that ended it; a
 * negated errno. */
static int wait_for(pid_t child, int64_t timeout, const sigset_t *child_signal) {
  int status;
  const int64_t end = now() + timeout;
  for (;;) {
    pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    if (ended < 0 && errno != EINTR) return -errno;
    int64_t left = end - now();
    if (left <= 0) {
      kill(-child, SIGKILL);
      kill(child, SIGKILL);
      while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
      return -ETIMEDOUT;
    }
    struct timespec time = {left / 1000, left % 1000 * 1000000};
    sigtimedwait(child_signal, NULL, &time);
  }
}

/*
 * run(path, environment, stdin, stdout, stderr, timeoutMs): environment is NAME=VALUE and a NUL, one after another. The program's exit status;
 * 1000 and the number of the signal that ended it; a negated errno where it did not start, ETIMEDOUT when it did not end in time.
 */
static JSValue run(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  struct start start = {.parent = getpid()};
  uint8_t *block;
  size_t length;
  int64_t timeout;
  if (argc < 6) return JS_ThrowTypeError(context, "run: six arguments are wanted");
  for (int i = 0; i < 3; i++) {
    int64_t file;
    if (!read_number(context, argv[2 + i], &file)) return JS_EXCEPTION;
    start.files[i] = (int)file;
  }
  if (!read_number(context, argv[5], &timeout)) return JS_EXCEPTION;
  if (timeout < 0 || timeout > 1 << 30) return JS_ThrowRangeError(context, "run: timeoutMs is out of range");
  if (!read_cstring(context, argv[0], &start.path) || !read_bytes(context, argv[1], &block, &length)) return JS_EXCEPTION;
  if (length > 0 && block[length - 1] != 0) return JS_ThrowRangeError(context, "run: the environment ends without a NUL");
  size_t count = 0;
  for (size_t i = 0; i < length; i++) count += block[i] == 0;
  start.environment = js_malloc(context, (count + 1) * sizeof(char *));
  if (start.environment == NULL) return JS_EXCEPTION;
  char *at = (char *)block;
  for (size_t i = 0; i < count; i++, at += strlen(at) + 1) start.environment[i] = at;
  start.environment[count] = NULL;

  sigset_t child_signal, before;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_signal, &before);
  int result;
  pid_t child = vfork();
  if (child == 0) become(&start);
  if (child < 0) {
    result = -errno;
  } else {
    result = wait_for(child, timeout, &child_signal);
    if (start.failure != 0) result = -start.failure;
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
  js_free(context, start.environment);
  return JS_NewInt32(context, result);
}

int add_run(JSContext *context, JSValueConst host) { return add_function(context, host, "run", run, 6); }
