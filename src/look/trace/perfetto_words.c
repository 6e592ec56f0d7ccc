/* look/trace/perfetto_words.c - words that stand for numbers in a file; see perfetto_internal.h. */
#include "look/trace/model.h"
#include "look/trace/perfetto_internal.h"

const char *const perfetto_details[3] = {
    [TRACE_DETAIL_WAIT] = "wait",
    [TRACE_DETAIL_MERGED] = "merged",
    [TRACE_DETAIL_ALL] = "all",
};

const char *const perfetto_ops[OP_COUNT] = {
    [OP_NONE] = "NONE",
#define OP(kind, type, blocks, verb, past, reads, writes) [OP_##kind] = #kind,
#include "object/ops.def"
};
