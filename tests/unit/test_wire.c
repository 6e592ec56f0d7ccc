/* tests/unit/test_wire.c - the wire format without Lua: numbers, hints, bounds, the hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/fault.h"
#include "wire/siphash.h"
#include "wire/wire.h"

/* ---- SipHash ---- */

/*
 * The vectors of the reference implementation: key 00 01 .. 0f, input 00 01 .. of each length from
 * 0.
 */
static void siphash_gives_the_vectors_of_the_specification(void **state) {
  (void)state;
  static const uint64_t expected[] = {
      UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd), UINT64_C(0x0d6c8009d9a94f5a),
      UINT64_C(0x85676696d7fb7e2d), UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
      UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137), UINT64_C(0x93f5f5799a932462),
      UINT64_C(0x9e0082df0ba9e4b0), UINT64_C(0x7a5dbbc594ddb9f3), UINT64_C(0xf4b32f46226bada7),
      UINT64_C(0x751e8fbc860ee5fb), UINT64_C(0x14ea5627c0843d90), UINT64_C(0xf723ca908e7af2ee),
      UINT64_C(0xa129ca6149be45e5)};
  uint8_t key[16], input[16];
  for (uint8_t i = 0; i < 16; i++)
    key[i] = input[i] = i;
  for (size_t len = 0; len < sizeof expected / sizeof *expected; len++)
    assert_true(siphash(key, input, len) == expected[len]);
}

static void siphash_depends_on_the_key(void **state) {
  (void)state;
  uint8_t a[16] = {0}, b[16] = {1};
  assert_false(siphash(a, "x", 1) == siphash(b, "x", 1));
}

/* ---- numbers ---- */

static void varints_come_back(void **state) {
  (void)state;
  static const struct {
    uint64_t value;
    size_t bytes;
  } cases[] = {{0, 1},
               {1, 1},
               {127, 1},
               {128, 2},
               {16383, 2},
               {16384, 3},
               {UINT32_MAX, 5},
               {UINT64_C(1) << 62, 9},
               {INT64_MAX, 9},
               {UINT64_MAX, 10},
               {UINT64_MAX - 1, 10}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct buf b = {0};
    struct writer w;
    assert_int_equal(writer_start(&w, &b), 0);
    put_varint(&w, cases[i].value);
    writer_finish(&w);
    assert_int_equal(b.len, cases[i].bytes);
    struct reader r = reader_of(b.data, b.len);
    uint64_t v;
    assert_true(take_varint(&r, &v));
    assert_true(v == cases[i].value);
    assert_int_equal(reader_left(&r), 0);
    for (size_t cut = 0; cut < b.len; cut++) {
      struct reader shorter = reader_of(b.data, cut);
      assert_false(take_varint(&shorter, &v));
      assert_int_equal(reader_left(&shorter), cut);
    }
    buf_release(&b);
  }
}

static void varints_beyond_64_bits_are_refused(void **state) {
  (void)state;
  const uint8_t one_too_many[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
  const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
  uint64_t v = 7;
  struct reader r = reader_of(one_too_many, sizeof one_too_many);
  assert_false(take_varint(&r, &v));
  r = reader_of(endless, sizeof endless);
  assert_false(take_varint(&r, &v));
  assert_int_equal(v, 7);
}

static void zigzag_is_undone(void **state) {
  (void)state;
  static const int64_t cases[] = {0, -1, 1, -2, 63, -64, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_true(unzigzag(zigzag(cases[i])) == cases[i]);
  assert_int_equal(zigzag(-1), 1);
  assert_int_equal(zigzag(1), 2);
}

static void fixed_numbers_are_little_endian(void **state) {
  (void)state;
  uint8_t bytes[8];
  store_fixed(bytes, UINT64_C(0x0807060504030201), 8);
  for (uint8_t i = 0; i < 8; i++)
    assert_int_equal(bytes[i], i + 1);
  struct reader r = reader_of(bytes, 8);
  uint64_t v;
  assert_true(take_fixed(&r, 4, &v));
  assert_int_equal(v, 0x04030201);
  assert_false(take_fixed(&r, 5, &v));
  assert_int_equal(reader_left(&r), 4);
}

/* ---- lengths ---- */

static void a_length_beyond_the_end_takes_nothing(void **state) {
  (void)state;
  const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 0xff,
                           0xff, 0xff, 0xff, 0x7f, 'x'}; /* 2^63 - 1 */
  struct reader r = reader_of(bytes, sizeof bytes);
  const uint8_t *p;
  size_t len;
  assert_false(take_string(&r, &p, &len));
  assert_int_equal(reader_left(&r), sizeof bytes);
  assert_false(take_bytes(&r, UINT64_MAX, &p));
  assert_false(take_bytes(&r, sizeof bytes + 1, &p));
  assert_true(take_bytes(&r, sizeof bytes, &p));
}

static void an_empty_reader_gives_nothing(void **state) {
  (void)state;
  struct reader r = reader_of(NULL, 0);
  uint8_t byte;
  uint64_t v;
  const uint8_t *p;
  assert_false(take_byte(&r, &byte));
  assert_false(take_varint(&r, &v));
  assert_false(take_fixed(&r, 1, &v));
  assert_true(take_bytes(&r, 0, &p));
}

/* ---- hints ---- */

static void hints_are_at_least_the_number_and_little_more(void **state) {
  (void)state;
  for (size_t n = 0; n < 100000; n++) {
    size_t size = wire_hint_size(wire_hint(n));
    assert_true(size >= n);
    assert_true(size <= n + n / 8);
  }
  for (unsigned bit = 17; bit < 33; bit++) {
    for (size_t n = ((size_t)1 << bit) - 2; n <= ((size_t)1 << bit) + 2; n++) {
      size_t size = wire_hint_size(wire_hint(n));
      assert_true(size >= n && size <= n + n / 8);
    }
  }
  for (unsigned hint = 0; hint < 256; hint++)
    assert_int_equal(wire_hint(wire_hint_size((uint8_t)hint)), hint);
  assert_int_equal(wire_hint(SIZE_MAX), 255);
}

/* ---- the writer ---- */

static void the_buffer_changes_when_the_writer_finishes(void **state) {
  (void)state;
  struct buf b = {0};
  struct writer w;
  assert_int_equal(buf_append(&b, "abc", 3), 0);
  assert_int_equal(writer_start(&w, &b), 0);
  for (unsigned i = 0; i < 10000; i++) { /* through many reallocations */
    assert_int_equal(writer_need(&w, 1), 0);
    put_byte(&w, (uint8_t)i);
  }
  assert_int_equal(writer_used(&w), 10000);
  assert_int_equal(b.len, 3);
  writer_finish(&w);
  assert_int_equal(b.len, 10003);
  assert_memory_equal(b.data, "abc", 3);
  for (unsigned i = 0; i < 10000; i++)
    assert_int_equal(b.data[3 + i], (uint8_t)i);
  buf_release(&b);
}

static void a_writer_without_memory_stays_as_it_was(void **state) {
  (void)state;
  struct buf b = {0};
  struct writer w;
  assert_int_equal(writer_start(&w, &b), 0);
  put_byte(&w, 'x');
  assert_int_equal(writer_need(&w, SIZE_MAX), -SBX_ENOMEM);
  assert_int_equal(writer_need(&w, SIZE_MAX / 2), -SBX_ENOMEM);
#ifdef SBX_FAULTS
  fault_plan("buf.alloc:1:fail");
  assert_int_equal(writer_need(&w, 1000), -SBX_ENOMEM);
  fault_plan(NULL);
#endif
  assert_int_equal(writer_used(&w), 1);
  assert_int_equal(*writer_byte(&w, 0), 'x');
  writer_rewind(&w);
  put_byte(&w, 'y');
  writer_finish(&w);
  assert_int_equal(b.len, 1);
  assert_int_equal(b.data[0], 'y');
  buf_release(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(siphash_gives_the_vectors_of_the_specification),
      cmocka_unit_test(siphash_depends_on_the_key),
      cmocka_unit_test(varints_come_back),
      cmocka_unit_test(varints_beyond_64_bits_are_refused),
      cmocka_unit_test(zigzag_is_undone),
      cmocka_unit_test(fixed_numbers_are_little_endian),
      cmocka_unit_test(a_length_beyond_the_end_takes_nothing),
      cmocka_unit_test(an_empty_reader_gives_nothing),
      cmocka_unit_test(hints_are_at_least_the_number_and_little_more),
      cmocka_unit_test(the_buffer_changes_when_the_writer_finishes),
      cmocka_unit_test(a_writer_without_memory_stays_as_it_was),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
