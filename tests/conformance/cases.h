/*
 * tests/conformance/cases.h - which program of this folder draws each op.
 */
#ifndef TEST_CONFORMANCE_CASES_H
#define TEST_CONFORMANCE_CASES_H

#include <stdbool.h>
#include <stdint.h>

#include "object/op.h"

/* Must the program with this name have performed ops of this kind, as the table says? */
bool case_is_in(const char *program, enum op_kind kind);

/* Why no program draws ops of this kind; NULL: one does. */
const char *case_why_not(enum op_kind kind);

#endif
