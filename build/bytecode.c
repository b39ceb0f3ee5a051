/*
 * bytecode MODULE.js BYTECODE: compiles a module to bytecode of QuickJS-ng, without its source. Functions keep their names; where in
 * the file they stand, which is one of a few long lines, only in a module that has import(): that begins with the file's name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quickjs.h"

static int fail(const char *what) {
  perror(what);
  return 1;
}

/* What it imports is only a name here. */
static JSModuleDef *name_only(JSContext *context, const char *name, void *opaque) {
  (void)opaque;
  return JS_NewCModule(context, name, NULL);
}

static char *read_text(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) < 0) return NULL;
  *length = (size_t)ftell(file);
  char *text = calloc(*length + 1, 1);
  rewind(file);
  if (text != NULL && fread(text, 1, *length, file) != *length) return NULL;
  fclose(file);
  return text;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s MODULE.js BYTECODE\n", argv[0]);
    return 2;
  }
  JSRuntime *runtime = JS_NewRuntime();
  JSContext *context = JS_NewContext(runtime);
  JS_SetModuleLoaderFunc(runtime, NULL, name_only, NULL);
  size_t size, length;
  char *text = read_text(argv[1], &size);
  if (text == NULL) return fail(argv[1]);
  const char *slash = strrchr(argv[1], '/');
  const char *name = slash == NULL ? argv[1] : slash + 1;
  JSValue module = JS_Eval(context, text, size, name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
  if (JS_IsException(module)) {
    JSValue exception = JS_GetException(context);
    fprintf(stderr, "%s: %s\n", argv[1], JS_ToCString(context, exception));
    return 1;
  }
  int flags = JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE;
  if (strstr(text, "import(") == NULL) flags |= JS_WRITE_OBJ_STRIP_DEBUG;
  uint8_t *bytes = JS_WriteObject(context, &length, module, flags);
  if (bytes == NULL) return fail("bytecode");
  FILE *file = fopen(argv[2], "wb");
  if (file == NULL || fwrite(bytes, 1, length, file) != length || fclose(file) != 0) return fail(argv[2]);
  return 0;
}
