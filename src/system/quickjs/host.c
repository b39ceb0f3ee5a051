/*
 * The process: begins with the heap that the build has put into the executable, and calls the program's main function.
 *
 * Without such a heap it is a step of the build:
 *
 *   ipvlan HEAP MODULE...
 *
 * evaluates the last one of the modules, which are compressed bytecode (build/bytecode.c), and writes the heap that comes out to the file
 * HEAP. Modules that no other one imports at once are kept as bytecode and read when they are imported. Their names are those
 * of the files, as in `./NAME`.
 */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "heap.h"
#include "inflate.h"

extern char **environ;
static char **arguments;

/* Of the engine alone: a program of a few milliseconds that needs more has been given nonsense. */
#define MEMORY_LIMIT ((size_t)160 << 20)

bool read_number(JSContext *context, JSValueConst value, int64_t *number) {
  double exact;
  if (!JS_IsNumber(value) || JS_ToFloat64(context, &exact, value) < 0) {
    JS_ThrowTypeError(context, "a number is wanted");
    return false;
  }
  if (!(exact >= -9007199254740992.0 && exact <= 9007199254740992.0)) {
    JS_ThrowRangeError(context, "a whole number is wanted");
    return false;
  }
  *number = (int64_t)exact;
  return true;
}

bool read_bytes(JSContext *context, JSValueConst value, uint8_t **bytes, size_t *length) {
  if (JS_GetTypedArrayType(value) != JS_TYPED_ARRAY_UINT8) {
    JS_ThrowTypeError(context, "a Uint8Array is wanted");
    return false;
  }
  *bytes = JS_GetUint8Array(context, length, value);
  return *bytes != NULL;
}

bool read_cstring(JSContext *context, JSValueConst value, const char **text) {
  uint8_t *bytes;
  size_t length;
  if (!read_bytes(context, value, &bytes, &length)) return false;
  if (memchr(bytes, 0, length) == NULL) {
    JS_ThrowRangeError(context, "a path without a NUL at its end");
    return false;
  }
  *text = (const char *)bytes;
  return true;
}

int add_function(JSContext *context, JSValueConst host, const char *name, JSCFunction *function, int length) {
  JSValue value = JS_NewCFunction(context, function, name, length);
  return JS_SetPropertyStr(context, host, name, value) < 0 ? -1 : 0;
}

/* exit(code): at once. */
static JSValue exit_now(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int64_t code;
  if (!read_number(context, argc < 1 ? JS_UNDEFINED : argv[0], &code)) return JS_EXCEPTION;
  _exit((int)code);
}

static JSValue list_of(JSContext *context, char **texts) {
  JSValue list = JS_NewArray(context);
  for (uint32_t i = 0; texts != NULL && texts[i] != NULL && !JS_IsException(list); i++) {
    JSValue text = JS_NewUint8ArrayCopy(context, (const uint8_t *)texts[i], strlen(texts[i]));
    if (JS_SetPropertyUint32(context, list, i, text) < 0) {
      JS_FreeValue(context, list);
      return JS_EXCEPTION;
    }
  }
  return list;
}

/* environment(), argv(): their texts as bytes. */
static JSValue environment(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  return list_of(context, environ);
}

static JSValue argv_of(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  return list_of(context, arguments);
}

/* pid() */
static JSValue pid(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  return JS_NewInt32(context, getpid());
}

/* clock(): milliseconds by the monotonic clock. */
static JSValue clock_now(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return JS_NewFloat64(context, (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6);
}

/* random(): 0 to 1; the engine's own seed is part of the saved heap. */
static JSValue random_number(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  uint64_t bits = 0;
  if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) < 0) bits = (uint64_t)getpid() * 0x9e3779b97f4a7c15u;
  return JS_NewFloat64(context, (double)(bits >> 11) * 0x1p-53);
}

/* start(main, lastWords): remembers what the process calls, and what it prints when even that fails. */
static JSValue start(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  if (argc < 2 || !JS_IsFunction(context, argv[0]) || JS_GetTypedArrayType(argv[1]) != JS_TYPED_ARRAY_UINT8) {
    return JS_ThrowTypeError(context, "start: a function and a Uint8Array are wanted");
  }
  root->main = JS_DupValue(context, argv[0]);
  root->last_words = JS_DupValue(context, argv[1]);
  return JS_UNDEFINED;
}

static int add_host(JSContext *context) {
  JSValue host = JS_NewObject(context), global = JS_GetGlobalObject(context);
  int failed = add_calls(context, host) | add_text(context, host) | add_run(context, host) |
               add_function(context, host, "exit", exit_now, 1) |
               add_function(context, host, "environment", environment, 0) |
               add_function(context, host, "argv", argv_of, 0) | add_function(context, host, "pid", pid, 0) |
               add_function(context, host, "random", random_number, 0) |
               add_function(context, host, "clock", clock_now, 0) |
               add_function(context, host, "start", start, 2);
#if defined __aarch64__
  const char *architecture = "arm64";
#else
  const char *architecture = "x64";
#endif
  failed |= JS_SetPropertyStr(context, host, "arch", JS_NewString(context, architecture)) < 0;
  char engine[64];
  snprintf(engine, sizeof engine, "QuickJS-ng %s", JS_GetVersion());
  failed |= JS_SetPropertyStr(context, host, "engine", JS_NewString(context, engine)) < 0;
  failed |= JS_SetPropertyStr(context, global, "host", host) < 0;
  JS_FreeValue(context, global);
  return failed ? -1 : 0;
}

static void report(JSContext *context, const char *what) {
  JSValue exception = JS_GetException(context);
  const char *text = JS_ToCString(context, exception);
  JSValue stack = JS_GetPropertyStr(context, exception, "stack");
  const char *places = JS_IsString(stack) ? JS_ToCString(context, stack) : NULL;
  dprintf(2, "%s: %s\n%s", what, text == NULL ? "unknown" : text, places == NULL ? "" : places);
  JS_FreeCString(context, text);
  JS_FreeCString(context, places);
  JS_FreeValue(context, stack);
  JS_FreeValue(context, exception);
}

/*
 * A descriptor of 0 to 2 that the caller has closed becomes one on which read(2) and write(2) fail as on a closed one: else the next file
 * that is opened would get its number, and a warning would be written into it.
 */
static void keep_places(void) {
  int file;
  do file = open("/", O_PATH);
  while (file >= 0 && file < 3);
  if (file > 2) close(file);
}

/* Calls the program's main function, and what it has left to be done later (a dynamic import). */
static int call_main(void) {
  JSRuntime *runtime = root->runtime;
  JSContext *context = root->context;
  struct rlimit limit;
  size_t stack = JS_DEFAULT_STACK_SIZE;
  /* Half of a stack that is small: the other half is the host's and the engine's own. */
  if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur / 2 < stack) stack = limit.rlim_cur / 2;
  JS_UpdateStackTop(runtime);
  JS_SetMaxStackSize(runtime, stack);
  keep_places();
  /* A reader that has gone, and a file that may not grow (RLIMIT_FSIZE), are errors of write(2), like any other. */
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);

  JSValue result = JS_Call(context, root->main, JS_UNDEFINED, 0, NULL);
  bool failed = JS_IsException(result);
  JS_FreeValue(context, result);
  JSContext *of_job;
  while (!failed && JS_IsJobPending(runtime)) failed = JS_ExecutePendingJob(runtime, &of_job) < 0;
  if (!failed) return 0;
  uint8_t *words;
  size_t length;
  if (read_bytes(context, root->last_words, &words, &length) && write(1, words, length) < 0) errno = 0;
  report(context, "ipvlan");
  return 1;
}

/* The build's step. */

static int stage_files;
static char **stage_names;
static bool is_stage;

int __real_gettimeofday(struct timeval *time, void *zone);
int __wrap_gettimeofday(struct timeval *time, void *zone);
int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

/* The engine seeds its tables with the time, and remembers when it began: the same sources shall make the same executable. */
int __wrap_gettimeofday(struct timeval *time, void *zone) {
  if (!is_stage) return __real_gettimeofday(time, zone);
  *time = (struct timeval){1, 0};
  return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time) {
  if (!is_stage) return __real_clock_gettime(clock, time);
  *time = (struct timespec){1, 0};
  return 0;
}

static _Noreturn void fail(const char *what) {
  dprintf(2, "%s: %s\n", what, strerror(errno));
  exit(1);
}

/* A file of the build: the bytecode's length, 32 bits, and the bytecode, compressed. */
static struct chunk *read_module(const char *path) {
  FILE *file = fopen(path, "rb");
  uint32_t inflated;
  if (file == NULL || fseek(file, 0, SEEK_END) < 0) fail(path);
  size_t length = (size_t)ftell(file) - sizeof inflated;
  struct chunk *chunk = calloc(1, sizeof(struct chunk) + length);
  rewind(file);
  if (chunk == NULL || fread(&inflated, sizeof inflated, 1, file) != 1) fail(path);
  if (fread(chunk->bytes, 1, length, file) != length) fail(path);
  fclose(file);
  const char *slash = strrchr(path, '/');
  chunk->name = slash == NULL ? path : slash + 1;
  chunk->length = length;
  chunk->inflated = inflated;
  return chunk;
}

/* The module, or an exception. */
static JSValue load(JSContext *context, struct chunk *chunk) {
  /* Not of the engine's memory, which would stay in the executable. */
  uint8_t *bytes = malloc(chunk->inflated);
  if (bytes == NULL) return JS_ThrowOutOfMemory(context);
  JSValue module = inflate(chunk->bytes, chunk->length, bytes, chunk->inflated)
                       ? JS_ReadObject(context, bytes, chunk->inflated, JS_READ_OBJ_BYTECODE)
                       : JS_ThrowInternalError(context, "the module %s is damaged", chunk->name);
  free(bytes);
  chunk->is_loaded = true;
  return module;
}

/* Gives a module that is imported; of those in the executable alone. */
static JSModuleDef *load_chunk(JSContext *context, const char *name, void *opaque) {
  (void)opaque;
  const char *slash = strrchr(name, '/');
  for (struct chunk *chunk = root->chunks; chunk != NULL; chunk = chunk->next) {
    if (strcmp(chunk->name, slash == NULL ? name : slash + 1) != 0) continue;
    JSValue module = load(context, chunk);
    if (JS_IsException(module)) return NULL;
    JSModuleDef *definition = JS_VALUE_GET_PTR(module);
    JS_FreeValue(context, module);
    return definition;
  }
  JS_ThrowReferenceError(context, "there is no module %s in this executable", name);
  return NULL;
}

/* Takes the modules that nobody has imported yet into the heap; the others are part of it already. */
static int keep_chunks(void) {
  struct chunk *kept = NULL;
  for (struct chunk *chunk = root->chunks; chunk != NULL; chunk = chunk->next) {
    if (chunk->is_loaded) continue;
    const size_t size = sizeof(struct chunk) + chunk->length;
    struct chunk *copy = heap_functions.js_malloc(NULL, size + strlen(chunk->name) + 1);
    if (copy == NULL) return -1;
    memcpy(copy, chunk, size);
    copy->name = strcpy((char *)copy + size, chunk->name);
    copy->next = kept;
    kept = copy;
  }
  root->chunks = kept;
  return 0;
}

/* What the program uses of the language, and no more: all of it is in the executable. No eval, so that the engine's parser is not. */
static JSContext *new_context(JSRuntime *runtime) {
  JSContext *context = JS_NewContextRaw(runtime);
  if (context == NULL || JS_AddIntrinsicBaseObjects(context) || JS_AddIntrinsicDate(context) ||
      JS_AddIntrinsicRegExp(context) || JS_AddIntrinsicJSON(context) || JS_AddIntrinsicMapSet(context) ||
      JS_AddIntrinsicTypedArrays(context) || JS_AddIntrinsicPromise(context) || JS_AddPerformance(context)) {
    return NULL;
  }
  return context;
}

/* Evaluates the module of the last file, with all that it imports. */
static int fill_heap(void) {
  heap_begin();
  root->main = JS_UNDEFINED;
  root->runtime = JS_NewRuntime2(&heap_functions, NULL);
  root->context = root->runtime == NULL ? NULL : new_context(root->runtime);
  if (root->context == NULL) fail("heap");
  JS_SetMemoryLimit(root->runtime, MEMORY_LIMIT);
  /* Cycles are rare here, and the process is short. */
  JS_SetGCThreshold(root->runtime, (size_t)-1);
  JS_SetModuleLoaderFunc(root->runtime, NULL, load_chunk, NULL);
  if (add_host(root->context) < 0) return -1;
  struct chunk *last = NULL;
  for (int i = 0; i < stage_files; i++) {
    last = read_module(stage_names[i]);
    last->next = root->chunks;
    root->chunks = last;
  }
  if (last == NULL) return -1;
  JSValue module = load(root->context, last);
  if (JS_IsException(module) || JS_ResolveModule(root->context, module) < 0) return -1;
  JSValue done = JS_EvalFunction(root->context, module);
  JSContext *of_job;
  while (!JS_IsException(done) && JS_IsJobPending(root->runtime)) {
    if (JS_ExecutePendingJob(root->runtime, &of_job) < 0) return -1;
  }
  if (JS_IsException(done)) return -1;
  if (JS_PromiseState(root->context, done) == JS_PROMISE_REJECTED) {
    JS_Throw(root->context, JS_PromiseResult(root->context, done));
    return -1;
  }
  JS_FreeValue(root->context, done);
  if (keep_chunks() < 0) return -1;
  JS_RunGC(root->runtime);
  return JS_IsFunction(root->context, root->main) ? 0 : -1;
}

#ifdef HEAP_BY_LIBC
/* The build with sanitizers has no heap to begin with: the modules' paths, NULL behind the last. */
extern char *modules[];

/* Nothing is given back at the end of a process. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }
#endif

int main(int argc, char **argv) {
  arguments = argc > 0 ? argv + 1 : NULL;
  if (heap_is_filled()) {
    heap_populate();
    return call_main();
  }
#ifdef HEAP_BY_LIBC
  stage_names = modules;
  while (modules[stage_files] != NULL) stage_files++;
  if (fill_heap() == 0) return call_main();
  report(root->context, "heap");
  return 1;
#endif
  if (argc < 3) {
    dprintf(2, "usage: %s HEAP MODULE...\n", argc > 0 ? argv[0] : "ipvlan");
    return 2;
  }
  is_stage = true;
  stage_names = argv + 2;
  stage_files = argc - 2;
  if (fill_heap() < 0) {
    report(root->context, "heap");
    return 1;
  }
  int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0 || heap_save(file) < 0) fail(argv[1]);
  return 0;
}
