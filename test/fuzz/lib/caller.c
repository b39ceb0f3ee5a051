/*
 * caller PROGRAM MILLISECONDS: starts the program once for each request on standard input. A small static program: what wait4(2) tells of
 * a process's memory begins with that of the one that it was started from.
 *
 * Request: "ENVIRONMENT STDIN\n", two lengths, and so many bytes: NUL-terminated NAME=VALUEs, and what the program reads.
 * Answer: "STATUS MICROSECONDS KIB STDOUT STDERR\n" and the bytes of both: exit status, or the signal's number negated; processor
 * time; peak of memory; two lengths.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "caller: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* Bytes of the request; there is always room for one more. */
static char *take(size_t length) {
  char *bytes = malloc(length + 1);
  if (bytes == NULL || fread(bytes, 1, length, stdin) != length) fail("request");
  return bytes;
}

static int memory_file(const char *name) {
  int file = memfd_create(name, MFD_CLOEXEC);
  if (file < 0) fail("memfd_create");
  return file;
}

static void fill(int file, const char *bytes, size_t length) {
  for (size_t at = 0; at < length;) {
    ssize_t count = write(file, bytes + at, length - at);
    if (count < 0) fail("write");
    at += (size_t)count;
  }
  lseek(file, 0, SEEK_SET);
}

static void spill(int file, off_t length) {
  char buffer[65536];
  lseek(file, 0, SEEK_SET);
  for (off_t at = 0; at < length;) {
    ssize_t count = read(file, buffer, sizeof buffer);
    if (count <= 0) fail("read");
    fwrite(buffer, 1, (size_t)count, stdout);
    at += count;
  }
  close(file);
}

static long long microseconds(const struct timeval *time) {
  return (long long)time->tv_sec * 1000000 + time->tv_usec;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  long limit = atol(argv[2]);
  struct timespec patience = {limit / 1000, limit % 1000 * 1000000};
  sigset_t child_ended, nothing;
  sigemptyset(&nothing);
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_ended, NULL);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &nothing);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);

  for (size_t environment_length, input_length; scanf("%zu %zu", &environment_length, &input_length) == 2;) {
    if (getchar() != '\n') fail("request");
    char *environment = take(environment_length), *input = take(input_length);
    char *variables[256];
    int count = 0;
    for (size_t at = 0; at < environment_length && count < 255; at += strlen(environment + at) + 1) {
      variables[count++] = environment + at;
    }
    variables[count] = NULL;

    int files[3] = {memory_file("stdin"), memory_file("stdout"), memory_file("stderr")};
    fill(files[0], input, input_length);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3; i++) posix_spawn_file_actions_adddup2(&actions, files[i], i);
    char *words[] = {argv[1], NULL};
    pid_t child;
    errno = posix_spawn(&child, argv[1], &actions, &attributes, words, variables);
    if (errno != 0) fail(argv[1]);
    if (sigtimedwait(&child_ended, NULL, &patience) < 0) {
      kill(child, SIGKILL);
      sigwaitinfo(&child_ended, NULL);
    }
    int status;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) < 0) fail("wait4");
    off_t lengths[2] = {lseek(files[1], 0, SEEK_END), lseek(files[2], 0, SEEK_END)};
    printf("%d %lld %ld %lld %lld\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
           microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime), usage.ru_maxrss, (long long)lengths[0],
           (long long)lengths[1]);
    close(files[0]);
    spill(files[1], lengths[0]);
    spill(files[2], lengths[1]);
    fflush(stdout);
    posix_spawn_file_actions_destroy(&actions);
    free(environment);
    free(input);
  }
  return 0;
}
