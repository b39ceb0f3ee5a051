/* UTF-8 in and out, as TextEncoder and TextDecoder of the Encoding Standard have it; a byte order mark is kept. */
#include "host.h"

#include <string.h>

/* encode(text): a Uint8Array. Half a surrogate pair becomes U+FFFD. */
static JSValue encode(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  if (argc < 1 || !JS_IsString(argv[0])) return JS_ThrowTypeError(context, "encode: a string is wanted");
  size_t length;
  const char *text = JS_ToCStringLen(context, &length, argv[0]);
  if (text == NULL) return JS_EXCEPTION;
  JSValue array = JS_NewUint8ArrayCopy(context, (const uint8_t *)text, length);
  JS_FreeCString(context, text);
  uint8_t *bytes;
  if (JS_IsException(array) || !read_bytes(context, array, &bytes, &length)) return array;
  /* The engine writes half a pair as three bytes ED A0 80 to ED BF BF, which no valid text has. */
  for (size_t i = 0; i + 2 < length; i++) {
    if (bytes[i] == 0xed && bytes[i + 1] >= 0xa0) memcpy(bytes + i, "\xef\xbf\xbd", 3);
  }
  return array;
}

/* One code point from `at` on, which is moved behind it; U+FFFD for as many bytes as the standard takes for one fault. */
static uint32_t next_code_point(const uint8_t **at, const uint8_t *end) {
  uint8_t first = *(*at)++;
  if (first < 0x80) return first;
  int more = first >= 0xc2 && first <= 0xdf ? 1 : first >= 0xe0 && first <= 0xef ? 2 : first >= 0xf0 && first <= 0xf4 ? 3 : 0;
  if (more == 0) return 0xfffd;
  /* No overlong forms, no surrogates, nothing above U+10FFFF: the second byte's bounds say it. */
  uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  uint32_t point = first & (0x3f >> more);
  while (more-- > 0) {
    if (*at == end || **at < low || **at > high) return 0xfffd;
    point = point << 6 | (*(*at)++ & 0x3f);
    low = 0x80;
    high = 0xbf;
  }
  return point;
}

/* decode(bytes): a string. */
static JSValue decode(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  uint8_t *bytes;
  size_t length;
  if (!read_bytes(context, argc < 1 ? JS_UNDEFINED : argv[0], &bytes, &length)) return JS_EXCEPTION;
  size_t plain = 0;
  while (plain < length && bytes[plain] < 0x80) plain++;
  if (plain == length) return JS_NewStringLen(context, (const char *)bytes, length);
  /* At most one unit of UTF-16 a byte. */
  uint16_t *units = js_malloc(context, 2 * length);
  if (units == NULL) return JS_EXCEPTION;
  size_t count = 0;
  for (const uint8_t *at = bytes, *end = bytes + length; at < end;) {
    uint32_t point = next_code_point(&at, end);
    if (point >= 0x10000) {
      units[count++] = (uint16_t)(0xd800 + ((point - 0x10000) >> 10));
      point = 0xdc00 + (point & 0x3ff);
    }
    units[count++] = (uint16_t)point;
  }
  JSValue text = JS_NewStringUTF16(context, units, count);
  js_free(context, units);
  return text;
}

int add_text(JSContext *context, JSValueConst host) {
  return add_function(context, host, "encode", encode, 1) | add_function(context, host, "decode", decode, 1);
}
