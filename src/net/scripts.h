/*
 * net/scripts.h - what the server does by itself, in one step each: scripts in its Lua (5.1).
 *
 * All but `recall`, `look` and those of the keeper have the same keys and begin with the same arguments:
 *
 *    KEYS  1 the object   2 the record of the process   3 the set of the dead   4 the contents
 *          5 the objects that the process has used
 *    ARGV  1 the process (8 bytes)   2 its sequence number (8 bytes)   3 "sandbox:{RUN}:"
 *          4 seconds that a key lives   5 the id of the object (8 bytes)   6 "1": its first use here
 *
 * and answer a list: a word, how many are dead, and more. The words:
 *    dead  the process was declared dead        gone  there is no such object
 *    late  a `recall` came before it            old   it is not as expected; the string follows
 *    slow  it is nothing for this script        ok, joined, full, closed
 *    hand, hands, tasks  -SBX_EHAND, -SBX_EHANDS, -SBX_ETASKS
 *
 * Once only. What changes something notes its answer, with the sequence number, in the record of the
 * process. When an answer was lost, `recall` fetches it from there; or else sees to it that what may
 * still be under way will be refused (`late`), and answers "void".
 */
#ifndef SBX_NET_SCRIPTS_H
#define SBX_NET_SCRIPTS_H

#include "net/engine.h"

/*
 * Compare and commit. ARGV 7 the generation expected (8 bytes), 8 the new string ("": it stays), 9 whom to
 * ring (8 bytes each), then commands on the contents: "!" how many words, the words; the key is put behind the
 * first. "?" the same, and "=" with the answer expected, or "-" for none. Checks come first. ok: the
 * answers of the commands.
 */
extern struct engine_script script_commit;

/* KEYS 1 the object, 2 the dead, 3 the contents. ARGV: commands, as "!" above, but without effect. ok: the
 * string of the object, the answers. */
extern struct engine_script script_look;

/* KEYS 1 the record. ARGV 1 the sequence number, 2 seconds. The answer that was lost, or void. */
extern struct engine_script script_recall;

/*
 * PUT into a queue, GET from it. ARGV 7 what to do if it cannot be done: "j" join the line, "l" leave it, "" nothing;
 * 8 the flags of the place; 9 to 12 the kinds PUT, GET, PIPE_SEND and PLACE_HAND (2 bytes each). Of PUT the items follow:
 * as many are put as there is room for; of GET how many at most.
 * ok: PUT how many, and the number of the last; GET the number of the first, the items.
 */
extern struct engine_script script_put, script_get;

/*
 * Of a queue with redeliver: TASK_DONE, then GET, in one step. ARGV 7 to 12 as above; 13 the kind JOIN; 14 how many are
 * given up: "all", a number; 15 how many to get at most, 16 "1" if the first is one more of a batch.
 * ok: how many the process has in hand now; of each that it got the number, 1 if it came back, the item.
 */
extern struct engine_script script_take;

/* A value whose words alone are concerned, that nobody waits for or updates. ADD: ARGV 7 an integer; ok: the sum (8
 * bytes). SET: ARGV 7 how many words (1 byte), 8 the words behind the updater. */
extern struct engine_script script_add, script_set;

/* -- of the keeper ------------------------------------------------------------------------------- */

/* A process is dead: KEYS 1 the dead, 2 what it has used, 3 its record, 4 the processes. ARGV 1 the process, 2
 * "sandbox:{RUN}:", 3 seconds, 4 PLACE_HAND (2 bytes). Takes it out of all lines, and rings all that stand there; what it
 * had in hand came back. Its mailbox is gone then. */
extern struct engine_script script_bury;

/* A process begins: KEYS 1 the names, 2 the processes. ARGV 1 a process, 2 its name, 3 seconds. */
extern struct engine_script script_name;

/* ARGV 1 seconds, then keys: each lives so long from now. */
extern struct engine_script script_renew;

#endif
