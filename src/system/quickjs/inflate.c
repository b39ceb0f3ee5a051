/*
 * DEFLATE (RFC 1951): modules that are imported when they are needed lie compressed in the executable, in half of the room.
 * For our own data, a few hundred kilobytes: bit by bit, without tables for speed, and yet never outside of either buffer.
 */
#include "inflate.h"

#include <string.h>

enum { LONGEST = 15, LITERALS = 288, DISTANCES = 30 };

struct stream {
  const uint8_t *data;
  size_t length, at;
  uint32_t bits;
  unsigned count;
  uint8_t *output;
  size_t room, written;
  bool failed;
};

/* A canonical Huffman code: how many codes there are of each length, and their symbols in order. */
struct code {
  uint16_t counts[LONGEST + 1], symbols[LITERALS];
};

static uint32_t read_bits(struct stream *in, unsigned wanted) {
  while (in->count < wanted) {
    if (in->at == in->length) {
      in->failed = true;
      return 0;
    }
    in->bits |= (uint32_t)in->data[in->at++] << in->count;
    in->count += 8;
  }
  uint32_t value = in->bits & ((1u << wanted) - 1);
  in->bits >>= wanted;
  in->count -= wanted;
  return value;
}

static void make_code(struct code *code, const uint8_t *lengths, unsigned symbols) {
  uint16_t places[LONGEST + 2] = {0};
  memset(code, 0, sizeof *code);
  for (unsigned i = 0; i < symbols; i++) code->counts[lengths[i]]++;
  code->counts[0] = 0;
  for (unsigned i = 1; i <= LONGEST; i++) places[i + 1] = (uint16_t)(places[i] + code->counts[i]);
  for (unsigned i = 0; i < symbols; i++) {
    if (lengths[i] != 0) code->symbols[places[lengths[i]]++] = (uint16_t)i;
  }
}

static unsigned read_symbol(struct stream *in, const struct code *code) {
  unsigned value = 0, first = 0, index = 0;
  for (unsigned length = 1; length <= LONGEST && !in->failed; length++) {
    value |= read_bits(in, 1);
    unsigned count = code->counts[length];
    if (value < first + count) return code->symbols[index + value - first];
    index += count;
    first = (first + count) << 1;
    value <<= 1;
  }
  in->failed = true;
  return 0;
}

static void put(struct stream *in, uint8_t byte) {
  if (in->written == in->room) in->failed = true;
  else in->output[in->written++] = byte;
}

static void stored_block(struct stream *in) {
  in->bits = in->count = 0;
  uint32_t length = read_bits(in, 16), complement = read_bits(in, 16);
  if ((length ^ complement) != 0xffff) in->failed = true;
  for (; length > 0 && !in->failed; length--) put(in, (uint8_t)read_bits(in, 8));
}

static void compressed_block(struct stream *in, const struct code *literals, const struct code *distances) {
  static const uint16_t length_base[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                         31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
  static const uint8_t length_bits[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
  static const uint16_t distance_base[] = {1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
                                           193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
  while (!in->failed) {
    unsigned symbol = read_symbol(in, literals);
    if (symbol < 256) {
      put(in, (uint8_t)symbol);
      continue;
    }
    if (symbol == 256) return;
    if (symbol > 285) break;
    unsigned length = length_base[symbol - 257] + read_bits(in, length_bits[symbol - 257]);
    symbol = read_symbol(in, distances);
    if (symbol >= DISTANCES) break;
    size_t distance = distance_base[symbol] + read_bits(in, symbol < 2 ? 0 : symbol / 2 - 1);
    if (distance > in->written) break;
    for (; length > 0; length--) put(in, in->output[in->written - distance]);
  }
  in->failed = true;
}

static void fixed_block(struct stream *in) {
  uint8_t lengths[LITERALS];
  struct code literals, distances;
  for (unsigned i = 0; i < LITERALS; i++) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  make_code(&literals, lengths, LITERALS);
  memset(lengths, 5, DISTANCES);
  make_code(&distances, lengths, DISTANCES);
  compressed_block(in, &literals, &distances);
}

static void dynamic_block(struct stream *in) {
  static const uint8_t order[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  uint8_t lengths[LITERALS + 32] = {0};
  struct code literals, distances;
  unsigned of_literals = 257 + read_bits(in, 5), of_distances = 1 + read_bits(in, 5), of_lengths = 4 + read_bits(in, 4);
  if (of_literals > LITERALS) in->failed = true;
  for (unsigned i = 0; i < of_lengths; i++) lengths[order[i]] = (uint8_t)read_bits(in, 3);
  make_code(&literals, lengths, 19);
  memset(lengths, 0, 19);
  for (unsigned i = 0; i < of_literals + of_distances && !in->failed;) {
    unsigned symbol = read_symbol(in, &literals), times = 1;
    uint8_t length = (uint8_t)symbol;
    if (symbol == 16) {
      if (i == 0) in->failed = true;
      else length = lengths[i - 1];
      times = 3 + read_bits(in, 2);
    } else if (symbol > 16) {
      length = 0;
      times = symbol == 17 ? 3 + read_bits(in, 3) : 11 + read_bits(in, 7);
    }
    if (i + times > of_literals + of_distances) in->failed = true;
    for (; times > 0 && !in->failed; times--) lengths[i++] = length;
  }
  if (in->failed) return;
  make_code(&literals, lengths, of_literals);
  make_code(&distances, lengths + of_literals, of_distances);
  compressed_block(in, &literals, &distances);
}

bool inflate(const uint8_t *data, size_t length, uint8_t *output, size_t room) {
  struct stream in = {.data = data, .length = length, .output = output, .room = room};
  for (bool last = false; !last && !in.failed;) {
    last = read_bits(&in, 1);
    switch (read_bits(&in, 2)) {
      case 0: stored_block(&in); break;
      case 1: fixed_block(&in); break;
      case 2: dynamic_block(&in); break;
      default: in.failed = true;
    }
  }
  return !in.failed && in.written == room;
}
