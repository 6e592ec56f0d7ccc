/*
 * term/history.h - lines remembered across runs, in a file of our own.
 *
 * A record is one line of the file: the text, with "\n" for a newline and "\\" for a backslash.
 * Sessions append under a lock (flock(2)), each record by one write, so several at a time lose
 * nothing. A torn last record, of a machine that went down or a disk that was full, is ended by
 * the next one. The file is written anew with the youngest HISTORY_MOST when one with twice as many
 * is read: beside it, and put in its place; who holds the old one then sees that it is not the one
 * of that name.
 */
#ifndef SBX_TERM_HISTORY_H
#define SBX_TERM_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

enum { HISTORY_MOST = 5000 };

struct history_list {
  char **texts; /* owned, the oldest first */
  size_t count, cap;
  char *path; /* owned; NULL: nothing is kept */
};

/* Read the file, if there is one; make its folders. What cannot be read or written is only not
 * kept. */
void history_open(struct history_list *h, const char *path);
void history_close(struct history_list *h);

/* Remember a text (copied), here and in the file. Returns whether it was new: not empty, not the
 * youngest again. */
bool history_add(struct history_list *h, const char *text);

#endif
