/* The memory of the engine: see heap.c. */
#ifndef HEAP_H
#define HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include "quickjs.h"

/* What is needed to go on with a heap that an earlier process has filled. It is part of that heap. */
struct root {
  JSRuntime *runtime;
  JSContext *context;
  JSValue main;       /* the program's main function; undefined until the modules were evaluated */
  JSValue last_words; /* what goes to standard output should main not even end by an exception that it can handle */
  struct chunk *chunks;
};

/* A module in bytecode, compressed, that is read when it is imported. */
struct chunk {
  struct chunk *next;
  const char *name;
  bool is_loaded;
  size_t length;   /* of what follows */
  size_t inflated; /* of the bytecode */
  unsigned char bytes[];
};

extern struct root *const root;

/* The functions for JS_NewRuntime2. */
extern const JSMallocFunctions heap_functions;

/* Whether an earlier process has filled the heap of this executable. */
int heap_is_filled(void);

/* Prepares an empty heap. */
void heap_begin(void);

/* Brings the pages of a filled heap into memory. Nothing but time depends on it. */
void heap_populate(void);

/* Writes the used part to a file descriptor, to be put back by the build. Returns 0, or -1 with errno. */
int heap_save(int fd);

#endif
