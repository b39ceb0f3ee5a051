/* Compressed data format of RFC 1951. */
#ifndef INFLATE_H
#define INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes exactly `room` bytes; false where the data is not as many, or is not that format. */
bool inflate(const uint8_t *data, size_t length, uint8_t *output, size_t room);

#endif
