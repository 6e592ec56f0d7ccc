/*
 * look/trace/stats.h - a run in numbers: as text for a person, as JSON for a program.
 *
 * The JSON is one object:
 *
 *   command, version           strings
 *   seed, speed, clock         of the run; clock is "tsc" or "monotonic"
 *   detail                     "wait", "merged" or "all": what was recorded
 *   started                    seconds since 1970, or null
 *   exit_status                or null: the trace was cut off
 *   seconds                    of the run, by its own clock; so are all times but cpu_seconds
 *   cpu_seconds                of all processes, machine time; or null
 *   busy_seconds               time in which processes ran or slept, summed over them
 *   speed_up                   busy_seconds / seconds
 *   most_alive                 processes at once
 *   messages, operations       items got; ops done
 *   events_lost, names_lost, oldest_dropped  how many; how many names and places; true or false
 *   deadlock                   the report, or null
 *   ends                       {done, failed, killed, ended, alive}: how many processes
 *   waits                      the longest first, at most 50: {op, object, type, where, waits,
 *                              processes, seconds, longest}; waits_more: how many are left out
 *   queues                     those with most items first, at most 50: {id, name, type, made_at, items,
 *                              most, capacity (or null)}; queues_more
 *   processes                  by their begins: {id, name, parent (an id, or null), spawned_at, begin, end,
 *                              how, exit_code, signal, failure (or null), worker, running, queue,
 *                              lock, sleep, join, stopped, prompt (seconds), items_out, items_in}
 *
 * `most` is the greatest number of items at once. Ops that were merged into one event are taken as
 * spread evenly over it.
 */
#ifndef SBX_LOOK_TRACE_STATS_H
#define SBX_LOOK_TRACE_STATS_H

#include "base/table.h"
#include "look/trace/model.h"

/* Both append whole lines about a finished model, and return 0 or -SBX_ENOMEM. The text shows the
 * first of each list only: 5 waits, 8 queues, 16 processes. */
int stats_text(const struct trace_model *m, const struct style *style, struct buf *out);
int stats_json(const struct trace_model *m, struct buf *out);

#endif
