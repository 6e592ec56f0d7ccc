/*
 * look/trace/texts.h - places and names as numbers, in a table that all processes of a run share.
 *
 * A text gets the number of a cell and keeps it. A process claims a free cell by compare-and-swap,
 * fills it, and marks it filled; one that is killed in between leaves a cell that nobody uses, and
 * the text gets another.
 */
#ifndef SBX_LOOK_TRACE_TEXTS_H
#define SBX_LOOK_TRACE_TEXTS_H

#include <stdatomic.h>
#include <stdint.h>

enum { TEXT_CELLS = 8192, TEXT_BYTES = 116 };

struct trace_text {
  _Atomic uint32_t tag;    /* 0: free; else of the text's hash, by compare-and-swap */
  _Atomic uint32_t filled; /* the claimer, when `bytes` are there (release) */
  uint32_t unused;
  char bytes[TEXT_BYTES]; /* ends with a NUL; longer ones are cut */
};

struct trace_texts {
  _Atomic uint32_t count;    /* cells in use, about */
  _Atomic uint32_t nameless; /* how often there was no room for a text */
  struct trace_text cells[TEXT_CELLS];
};

/* The number of a text, from 1; 0: it is empty, or the table is full. */
uint32_t trace_text_number(struct trace_texts *t, const char *text);

/* The text of a number; "" for 0, and for one that is not filled. Valid as long as the table. */
const char *trace_text_of(const struct trace_texts *t, uint32_t number);

#endif
