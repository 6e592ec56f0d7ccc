/*
 * base/error.h - the error codes of every C layer.
 *
 * A function that can fail returns 0 or one of these, negated: `return -SBX_ETIMEDOUT;`. The list
 * is declared once; the enum, the names and the texts are generated from it. Lower layers return
 * codes and never print.
 */
#ifndef SBX_BASE_ERROR_H
#define SBX_BASE_ERROR_H

#include <stdint.h>

/* X(name, number, text a person can act on) */
#define SBX_ERRORS(X)                                                                              \
  X(ETIMEDOUT, 1, "timeout")                                                                       \
  X(ECLOSED, 2, "closed")                                                                          \
  X(EINTERRUPTED, 3, "interrupted")                                                                \
  X(ENOMEM, 4, "not enough memory")                                                                \
  X(ENOSPC, 5, "no space is left to store the item (memory or a file size limit is exhausted)")    \
  X(ECAP, 6,                                                                                       \
    "the queue's log has reached its cap: readers are too slow, or there are none; "               \
    "with redeliver, it keeps all that came after the oldest item in hand, too")                   \
  X(EMFILE, 7, "too many open files: raise `ulimit -n`, or drop queues that are no longer used")   \
  X(ELIMIT, 8, "too many processes are alive, main included: join some, or raise --max-procs")     \
  X(ERECORDS, 9,                                                                                   \
    "too many finished processes are kept by handles (65536 with those that live): drop those "    \
    "not needed")                                                                                  \
  X(EOBJECTS, 10,                                                                                  \
    "too many queues, locks and other objects exist (8192): drop those that are no longer used, "  \
    "here "                                                                                        \
    "and in processes that inherited them")                                                        \
  X(ETOOBIG, 11, "the value is too large")                                                         \
  X(EAGAIN, 12, "the system cannot make another process now (`ulimit -u`, or memory)")             \
  X(EGONE, 13, "it no longer exists")                                                              \
  X(ESELF, 14, "a process cannot join itself")                                                     \
  X(EDATA, 15, "malformed data")                                                                   \
  X(EINVAL, 16, "invalid argument")                                                                \
  X(EDEPTH, 17, "processes are nested too deeply: spawn inside spawn has at most 1000 levels")     \
  X(ESYSTEM, 18, "the system refused a call")                                                      \
  X(EBROKEN, 19, "broken")                                                                         \
  X(ENOTHELD, 20, "the calling process does not hold the lock")                                    \
  X(EHELD, 21,                                                                                     \
    "the calling process holds it already and would wait for itself: use sandbox.rlock")           \
  X(EOVER, 22, "its maximum would be exceeded")                                                    \
  X(ECROWD, 23, "no more than 1024 processes can wait for it")                                     \
  X(ESTORE, 24, "results and shared values have reached their cap, a quarter of memory")           \
  X(ENUMBER, 25, "the value is not a number")                                                      \
  X(EUPDATING, 26, "the function that updates it must not change it, but return the new value")    \
  X(ETASKS, 27, "called more often than items were taken")                                         \
  X(ELENT, 28, "an item was lent and must be taken first")                                         \
  X(ENAMES, 29,                                                                                    \
    "too many handles in queues, values and dicts wait to be received (16384): receive some "      \
    "first")                                                                                       \
  X(ESTDIN, 30,                                                                                    \
    "stdin belongs to another process: main has it, or the process that it was given to")          \
  X(ESIM, 31, "a simulated run changes nothing outside of itself: run the script without --sim")   \
  X(EOUTSIDE, 32, "it was made outside of the function that is explored: make it inside")          \
  X(EASKED, 33,                                                                                    \
    "a function that is asked (by wait_for, when or receive) may not wait, change what is "        \
    "shared, "                                                                                     \
    "or spawn: it gets a "                                                                         \
    "copy, "                                                                                       \
    "and is asked again after each change")                                                        \
  X(ERWLOCK, 34,                                                                                   \
    "the calling process reads or writes already and would wait for itself: release that first")   \
  X(EACTING, 35, "the action of a barrier must not wait for the barrier")                          \
  X(EBOUNDS, 36, "the array has no such element")                                                  \
  X(EWHOLE, 37, "an array of integers has whole numbers only: make it with \"number\" for others") \
  X(EENGINE, 38, "the engine is gone")                                                             \
  X(EFLUSHED, 39, "the run's objects are gone from the engine")                                    \
  X(ENOOBJECT, 40, "the engine holds something that is no object")                                 \
  X(EFENCED, 41,                                                                                   \
    "this process was declared dead: there was no sign of life from its host for too long")        \
  X(EHERE, 42, "it was made here = true, and may not leave the host")                              \
  X(EPARTIES, 44,                                                                                  \
    "more processes come than the barrier has parties: the next round is complete, and the "       \
    "action of this one is not done")                                                              \
  X(EWORLD, 45,                                                                                    \
    "it is not of this world (sandbox.connect), so the other programs could not use it")           \
  X(EAWAY, 46, "its world is not connected in this process: call sandbox.connect before spawn")    \
  X(EWORLDS, 47, "one select can wait for objects of 16 engines at most")                          \
  X(ENAMELESS, 48, "an object of a world needs a name, by which the other programs find it")       \
  X(EALIKE, 49, "the world has one of this name already, which was made with other options")       \
  X(EFAR, 50,                                                                                      \
    "the process is on another host, from which this cannot be asked: ask a process that is "      \
    "there")                                                                                       \
  X(EHAND, 51, "the calling process has an item in hand, and must give it up first")               \
  X(EHANDS, 52,                                                                                    \
    "1024 of its items are in the hands of processes, or came back from some: no more can be "     \
    "taken before one of them is done")                                                            \
  X(ESILENT, 53,                                                                                   \
    "the host of the process does not answer: it may be busy, or about to be given up; try again") \
  X(EELEMENTS, 54, "an array in an engine has at most 67108864 elements: make several")            \
  X(EFLEET, 55,                                                                                    \
    "a run can spawn 65535 processes on other hosts: give more work to each, as a pool does")      \
  X(ENFILE, 56,                                                                                    \
    "the programs of this machine have too many open files together: end some, or raise the "      \
    "system's limit (sysctl fs.file-max)")                                                         \
  X(EKEEPER, 57,                                                                                   \
    "the process beside the run that looks after its processes (the keeper) was killed: start "    \
    "the run again")

enum sbx_error {
#define X(name, number, text) SBX_##name = (number),
  SBX_ERRORS(X)
#undef X
};

/*
 * The text of a code, negated or not; a static string, valid until the next call, never NULL. If it
 * is the code that error_call returned last, the failed call and the system's reason follow in
 * brackets, once.
 */
const char *error_text(int code);

/* From now on, here and in processes forked later, this is the text of the code: it names what is
 * known only when the program runs. `text` is copied; at most 350 bytes count. One code can have one. */
void error_set_text(int code, const char *text);

/* From now on, here and in processes forked later, the text of the code ends with this limit of the run: "512", "2 GiB".
 * `limit` is copied; at most 23 bytes count. Eight codes can have one. */
void error_set_limit(int code, const char *limit);

/* The same with a number of bytes, which is told in MiB. */
void error_set_bytes(int code, uint64_t bytes);

/* The name of a code as it stands in the source ("SBX_ETIMEDOUT"); a static string, never NULL. */
const char *error_name(int code);

/* The code for an `errno` value, negated: ENOSPC becomes -SBX_ENOSPC, an unknown one
 * -SBX_ESYSTEM. */
int error_from_errno(int errnum);

/*
 * Report a failed system call: returns its code, negated, and makes error_text name the call. What
 * error_from_errno takes for a lack of processes is -SBX_ESYSTEM here, unless the call is "fork".
 *   call    "socketpair"; borrowed for ever
 *   errnum  errno
 */
int error_call(const char *call, int errnum);

#endif
