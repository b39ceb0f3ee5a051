/*
 * The engine's memory: blocks out of one array at a fixed address, then out of the kernel's.
 *
 * The array is a segment of the executable of its own. The build starts the executable once, has it evaluate the
 * program's modules, and puts what the array then holds into the executable's file, so that every later start begins with
 * all modules loaded. That needs fixed addresses: the executable is static and not position-independent, and everything
 * that the engine remembers lies in the array (quickjs.c itself has no state outside of its heap but for
 * Atomics.wait, which is not used here).
 *
 * A block is one of some ninety sizes, with its size in front of it; a freed one goes to a list of its size. Nothing is
 * merged or given back but what is larger than 64 KiB: a process lives for some milliseconds.
 */
#include "heap.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef HEAP_BY_LIBC

/* For the build with sanitizers: every block is one that they know. */
#include <malloc.h>
#include <stdlib.h>

static struct root first_root;
struct root *const root = &first_root;

int heap_is_filled(void) { return 0; }
void heap_begin(void) {}
void heap_populate(void) {}
int heap_save(int fd) {
  (void)fd;
  errno = ENOTSUP;
  return -1;
}

static void *block_calloc(void *opaque, size_t count, size_t size) {
  (void)opaque;
  return calloc(count, size);
}
static void *block_alloc(void *opaque, size_t size) {
  (void)opaque;
  return malloc(size);
}
static void block_free(void *opaque, void *block) {
  (void)opaque;
  free(block);
}
static void *block_realloc(void *opaque, void *block, size_t size) {
  (void)opaque;
  return realloc(block, size);
}
/* Not malloc_usable_size: the engine would use what the sanitizer has not given it. */
static size_t block_size(const void *block) {
  (void)block;
  return 0;
}

#else

#define ARRAY_SIZE (4u << 20)
#define CHUNK_SIZE (1u << 20)
/* Sizes: multiples of 16 up to 1 KiB, then four in each doubling up to 64 KiB. */
#define FINE 64u
#define CLASSES (FINE + 4u * 6u)
#define LARGEST 65536u
/* No sum of sizes below it overflows. */
#define LIMIT ((size_t)1 << 40)

struct header {
  size_t size; /* of what follows; above LARGEST the block is a mapping of its own */
};

struct heap {
  struct root root;
  char magic[8]; /* "filled" once the build has put this here */
  char *next;    /* the first byte that was never given out */
  char *end;
  void *freed[CLASSES]; /* lists: the first word of a freed block is the next one */
};

/* A segment of its own, without bytes in the file until the build adds some; the linker is told where it lies. */
__asm__(".pushsection .heap,\"aw\",%nobits\n"
        ".balign 65536\n"
        ".globl heap_array\n"
        "heap_array:\n"
        ".skip 4194304\n"
        ".popsection\n");
extern char heap_array[ARRAY_SIZE];

static struct heap *const heap = (struct heap *)heap_array;
struct root *const root = (struct root *)heap_array; /* its first member */

int heap_is_filled(void) { return memcmp(heap->magic, "filled", 7) == 0; }

void heap_begin(void) {
  heap->next = heap_array + ((sizeof(struct heap) + 15) & ~(size_t)15);
  heap->end = heap_array + ARRAY_SIZE;
}

/* Some hundred pages are written to in any call, most of them for the count of an object's references: one call for all of them takes
 * a fraction of the time of so many page faults. Kernels before 5.14 have no such call, and do it fault by fault. */
void heap_populate(void) {
#ifdef MADV_POPULATE_WRITE
  const int populate = MADV_POPULATE_WRITE;
#else
  const int populate = 23; /* linux/mman.h; the C library's headers may be older */
#endif
  (void)madvise(heap_array, (size_t)(heap->next - heap_array), populate);
}

static struct header *header_of(const void *block) { return (struct header *)block - 1; }

static size_t block_size(const void *block) { return block == NULL ? 0 : header_of(block)->size; }

/* The same sources shall make the same executable, and where a stack lies differs from one process to the next. In use at the end is one
 * word that says so, of the runtime; what lay in freed blocks is cleared (block_free). Any word of the heap that looks like a place on
 * the stack can be a count and a hash: none is touched but that one. */
static int forget_stack(void) {
  JS_SetMaxStackSize(root->runtime, 0); /* no limit; the next process sets its own */
  JS_UpdateStackTop(root->runtime);
  const uintptr_t here = (uintptr_t)__builtin_frame_address(0), around = 1024;
  uintptr_t *words = (uintptr_t *)root->runtime, *found = NULL;
  for (size_t i = 0; i < block_size(words) / sizeof(*words); i++) {
    if (words[i] <= here - around || words[i] >= here + around) continue;
    if (found != NULL) return -1;
    found = &words[i];
  }
  if (found == NULL) return -1;
  *found = 0;
  return 0;
}

int heap_save(int fd) {
  if (heap->end != heap_array + ARRAY_SIZE) {
    errno = ENOMEM; /* what was taken from the kernel cannot be saved */
    return -1;
  }
  if (forget_stack() < 0) {
    errno = EPROTO;
    return -1;
  }
  memcpy(heap->magic, "filled", 7);
  /* Whole pages: the rest of the last one in the file would not be zero otherwise. */
  char *used = heap_array + (((size_t)(heap->next - heap_array) + 4095) & ~(size_t)4095);
  for (const char *at = heap_array; at < used;) {
    ssize_t count = write(fd, at, (size_t)(used - at));
    if (count < 0) return -1;
    at += count;
  }
  return 0;
}

static unsigned class_of(size_t size) {
  if (size <= 16 * FINE) return size == 0 ? 0 : (unsigned)((size - 1) / 16);
  unsigned doubling = 63u - (unsigned)__builtin_clzll(size - 1); /* size - 1 is 1024 << n and more */
  return FINE + 4 * (doubling - 10) + (unsigned)((size - 1) >> (doubling - 2) & 3);
}

static size_t size_of_class(unsigned class) {
  if (class < FINE) return 16 * ((size_t)class + 1);
  unsigned doubling = 10 + (class - FINE) / 4;
  return ((size_t)1 << doubling) + ((size_t)((class - FINE) % 4 + 1) << (doubling - 2));
}

static void *map(size_t length) {
  void *place = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return place == MAP_FAILED ? NULL : place;
}

static size_t whole_pages(size_t size) { return (size + sizeof(struct header) + 4095) & ~(size_t)4095; }

/* A block that is a mapping of its own. One in the array, made by the build, is not. */
static int is_mapping(const struct header *header) {
  const char *at = (const char *)header;
  return header->size > LARGEST && (at < heap_array || at >= heap_array + ARRAY_SIZE);
}

/* Out of what was never given out. */
static void *take(size_t size) {
  size_t length = size + sizeof(struct header);
  if ((size_t)(heap->end - heap->next) < length) {
    size_t chunk = length > CHUNK_SIZE ? length : CHUNK_SIZE;
    char *more = map(chunk);
    if (more == NULL) return NULL;
    heap->next = more;
    heap->end = more + chunk;
  }
  struct header *header = (struct header *)heap->next;
  heap->next += length;
  header->size = size;
  return header + 1;
}

static void *block_alloc(void *opaque, size_t size) {
  (void)opaque;
  if (size > LARGEST) {
    if (size > LIMIT) return NULL;
    /* The build saves the array alone. */
    if (!heap_is_filled()) return take((size + 15) & ~(size_t)15);
    struct header *large = map(whole_pages(size));
    if (large == NULL) return NULL;
    large->size = whole_pages(size) - sizeof(struct header);
    return large + 1;
  }
  unsigned class = class_of(size);
  void *block = heap->freed[class];
  if (block == NULL) return take(size_of_class(class));
  heap->freed[class] = *(void **)block;
  return block;
}

static void *block_calloc(void *opaque, size_t count, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(count, size, &total)) return NULL;
  /* What was never given out is zero, and should not be touched before it is used. */
  const int is_used = total <= LARGEST && heap->freed[class_of(total)] != NULL;
  void *block = block_alloc(opaque, total);
  if (block != NULL && is_used) memset(block, 0, total);
  return block;
}

static void block_free(void *opaque, void *block) {
  (void)opaque;
  if (block == NULL) return;
  struct header *header = header_of(block);
  if (header->size > LARGEST) {
    if (is_mapping(header)) munmap(header, header->size + sizeof(struct header));
    return;
  }
  unsigned class = class_of(header->size);
  if (!heap_is_filled()) memset(block, 0, header->size); /* see forget_stack */
  *(void **)block = heap->freed[class];
  heap->freed[class] = block;
}

static void *block_realloc(void *opaque, void *block, size_t size) {
  if (block == NULL) return block_alloc(opaque, size);
  if (size == 0) {
    block_free(opaque, block);
    return NULL;
  }
  size_t old = block_size(block);
  if (size <= old && (size > old / 2 || old <= LARGEST)) return block;
  if (is_mapping(header_of(block)) && size > LARGEST) {
    if (size > LIMIT) return NULL;
    struct header *moved =
        mremap(header_of(block), old + sizeof(struct header), whole_pages(size), MREMAP_MAYMOVE);
    if (moved == MAP_FAILED) return NULL;
    moved->size = whole_pages(size) - sizeof(struct header);
    return moved + 1;
  }
  void *copy = block_alloc(opaque, size);
  if (copy == NULL) return NULL;
  memcpy(copy, block, old < size ? old : size);
  block_free(opaque, block);
  return copy;
}

#endif

const JSMallocFunctions heap_functions = {block_calloc, block_alloc, block_free, block_realloc, block_size};
