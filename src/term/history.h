/*
 * term/history.h - lines remembered across runs, in a file of our own.
 *
 * A record is one line of the file: the text, with "\n" for a newline and "\\" for a backslash.
 * Sessions append under a lock (flock(2)), each record by one write, so concurrent sessions lose
 * nothing. A torn last record (after a crash of the machine, or on a full disk) is ended by the
 * next one. When a file with more than twice HISTORY_MOST records is read, it is rewritten with the
 * youngest HISTORY_MOST: to a new file that is renamed over it. A session that has the old file
 * open then notices that it is no longer the file of that name.
 */
#ifndef SBX_TERM_HISTORY_H
#define SBX_TERM_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

enum { HISTORY_MOST = 5000 };

struct history_list {
  char **texts; /* owned, oldest first */
  size_t count, cap;
  char *path; /* owned; NULL: nothing is saved */
};

/* Read the file, if it exists, and make its folders. What cannot be read or written is just not
 * saved. */
void history_open(struct history_list *h, const char *path);
void history_close(struct history_list *h);

/* Remember a text (copied), in memory and in the file. Returns false if it is blank or repeats the
 * youngest one. */
bool history_add(struct history_list *h, const char *text);

#endif
