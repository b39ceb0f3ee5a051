/*
 * timer PLAN: carries out a series of the bench where the plugins run, in the test machine or on this one. A small static program: it
 * starts and awaits processes without a shell between, and what wait4(2) tells of a process's memory begins with that of
 * the one that it was forked from.
 *
 * PLAN is a file of lines, as series.ts writes it:
 *
 *   rounds N, warmups N
 *   contender NAME             what follows is its own
 *   step AT_ONCE PEAK ROW      ROW is empty where nothing is measured; PEAK 1: memory instead of time
 *   forget PATH                the kernel has to forget its pages before the step
 *   command STDIN              of the step; its words follow
 *   env NAME=VALUE, arg WORD
 *
 * Samples go to standard output: ROW, NAME, the round and the value (ms or MiB), with tabs between.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MANY = 256, WORDS = 32 };

struct command {
  char *stdin_path, *argv[WORDS + 1], *environment[WORDS + 1];
  int argc, variables;
  posix_spawn_file_actions_t actions;
};
struct step {
  char *row, *forget[WORDS];
  int at_once, is_peak, count, forgotten;
  struct command *commands;
};
struct contender {
  char *name;
  int count;
  struct step steps[8];
};

static struct contender contenders[16];
static int count, rounds, warm_ups;
static char output[64];

static _Noreturn void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  fputs("timer: ", stderr);
  vfprintf(stderr, format, values);
  fputc('\n', stderr);
  exit(1);
}

static char *after(char *line, const char *key) {
  size_t length = strlen(key);
  return strncmp(line, key, length) == 0 ? strdup(line + length) : NULL;
}

static void read_plan(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) fail("cannot read %s", path);
  char *line = NULL, *rest;
  size_t room = 0;
  for (ssize_t length; (length = getline(&line, &room, file)) > 0;) {
    if (line[length - 1] == '\n') line[length - 1] = 0;
    struct contender *own = count > 0 ? &contenders[count - 1] : NULL;
    struct step *step = own != NULL && own->count > 0 ? &own->steps[own->count - 1] : NULL;
    struct command *command = step != NULL && step->count > 0 ? &step->commands[step->count - 1] : NULL;
    if ((rest = after(line, "rounds "))) rounds = atoi(rest);
    else if ((rest = after(line, "warmups "))) warm_ups = atoi(rest);
    else if ((rest = after(line, "contender ")) && count < 16) contenders[count++].name = rest;
    else if ((rest = after(line, "step ")) && own != NULL && own->count < 8) {
      step = &own->steps[own->count++];
      int at = 0;
      if (sscanf(rest, "%d %d %n", &step->at_once, &step->is_peak, &at) < 2) fail("cannot read %s", line);
      step->row = rest + at;
      step->commands = calloc(MANY, sizeof(struct command));
    } else if ((rest = after(line, "forget ")) && step != NULL && step->forgotten < WORDS) step->forget[step->forgotten++] = rest;
    else if ((rest = after(line, "command ")) && step != NULL && step->count < MANY) step->commands[step->count++].stdin_path = rest;
    else if ((rest = after(line, "env ")) && command != NULL && command->variables < WORDS) command->environment[command->variables++] = rest;
    else if ((rest = after(line, "arg ")) && command != NULL && command->argc < WORDS) command->argv[command->argc++] = rest;
    else fail("cannot read %s", line);
  }
  fclose(file);
}

static void prepare(struct command *command) {
  posix_spawn_file_actions_init(&command->actions);
  posix_spawn_file_actions_addopen(&command->actions, 0, command->stdin_path, O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&command->actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&command->actions, 1, 2);
}

static void start(struct command *command) {
  pid_t child;
  int failed = posix_spawn(&child, command->argv[0], &command->actions, NULL, command->argv, command->environment);
  if (failed != 0) fail("%s: %s", command->argv[0], strerror(failed));
}

/* Waits for whichever ends first. Its peak of memory, in MiB. */
static double await(const char *name) {
  int status;
  struct rusage usage;
  if (wait4(-1, &status, 0, &usage) < 0 || status != 0) {
    char text[2000] = "";
    int file = open(output, O_RDONLY);
    off_t size = lseek(file, 0, SEEK_END);
    ssize_t length = pread(file, text, sizeof text - 1, size > 1999 ? size - 1999 : 0);
    fail("a process of %s failed (status %d): %s", name, status, length > 0 ? text : "");
  }
  return (double)usage.ru_maxrss / 1024;
}

static double milliseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static double take(const struct step *step, const char *name) {
  for (int i = 0; i < step->forgotten; i++) {
    int file = open(step->forget[i], O_RDONLY);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
  }
  int running = 0;
  double peak = 0, started = milliseconds();
  for (int i = 0; i < step->count; i++) {
    if (running == step->at_once) {
      await(name);
      running--;
    }
    start(&step->commands[i]);
    running++;
  }
  for (; running > 0; running--) {
    double own = await(name);
    if (own > peak) peak = own;
  }
  return step->is_peak ? peak : milliseconds() - started;
}

/* Numbers that look random, the same in every run (xorshift32). */
static uint32_t next_random(void) {
  static uint32_t state = 0x5eed;
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}

int main(int argc, char **argv) {
  if (argc != 2) fail("usage: timer PLAN");
  read_plan(argv[1]);
  snprintf(output, sizeof output, "/tmp/bench.%d.out", getpid());
  for (int i = 0; i < count; i++)
    for (int j = 0; j < contenders[i].count; j++)
      for (int k = 0; k < contenders[i].steps[j].count; k++) prepare(&contenders[i].steps[j].commands[k]);
  int order[16];
  for (int i = 0; i < count; i++) order[i] = i;
  for (int round = -warm_ups; round < rounds; round++) {
    for (int i = count - 1; i > 0; i--) {
      int j = (int)(next_random() % (uint32_t)(i + 1)), kept = order[i];
      order[i] = order[j];
      order[j] = kept;
    }
    for (int i = 0; i < count; i++) {
      const struct contender *own = &contenders[order[i]];
      for (int j = 0; j < own->count; j++) {
        double value = take(&own->steps[j], own->name);
        if (own->steps[j].row[0] != 0 && round >= 0) printf("%s\t%s\t%d\t%.6f\n", own->steps[j].row, own->name, round, value);
      }
    }
  }
  unlink(output);
  return 0;
}
