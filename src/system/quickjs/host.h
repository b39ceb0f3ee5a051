/* What the program is given: see host.c, calls.c, text.c and run.c. */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include "quickjs.h"

/* Adds the functions of libc by their own names. 0, or -1 with an exception. */
int add_calls(JSContext *context, JSValueConst host);
/* encode and decode. */
int add_text(JSContext *context, JSValueConst host);
/* run. */
int add_run(JSContext *context, JSValueConst host);

/* Sets a function as a property. 0, or -1 with an exception. */
int add_function(JSContext *context, JSValueConst host, const char *name, JSCFunction *function, int length);

/* Arguments of the wrong type are exceptions: no code of the caller's runs while they are read (no valueOf). */

/* A whole number. False with an exception. */
bool read_number(JSContext *context, JSValueConst value, int64_t *number);
/* The bytes of a Uint8Array. False with an exception. */
bool read_bytes(JSContext *context, JSValueConst value, uint8_t **bytes, size_t *length);
/* The bytes of a Uint8Array with a NUL in it. False with an exception. */
bool read_cstring(JSContext *context, JSValueConst value, const char **text);

#endif
