/* term/history.c - see history.h. */
#include "term/history.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

enum { LOCK_TRIES = 100, LOCK_PAUSE_US = 2000 };

/* -- in memory --------------------------------------------------------------------------------- */

/* Takes `text`. */
static void append(struct history_list *h, char *text) {
  if (h->count == h->cap) {
    size_t cap = h->cap ? 2 * h->cap : 256;
    char **grown = realloc(h->texts, cap * sizeof *grown);
    if (!grown) {
      free(text);
      return;
    }
    h->texts = grown;
    h->cap = cap;
  }
  h->texts[h->count++] = text;
}

static bool is_youngest(const struct history_list *h, const char *text) {
  return h->count > 0 && strcmp(h->texts[h->count - 1], text) == 0;
}

static void keep_youngest(struct history_list *h, size_t most) {
  if (h->count <= most)
    return;
  size_t old = h->count - most;
  for (size_t i = 0; i < old; i++)
    free(h->texts[i]);
  memmove(h->texts, h->texts + old, most * sizeof *h->texts);
  h->count = most;
}

/* -- in the file ------------------------------------------------------------------------------- */

static int put_record(struct buf *out, const char *text) {
  int rc = 0;
  for (; *text && !rc; text++) {
    if (*text == '\n' || *text == '\\')
      rc = buf_append_byte(out, '\\');
    if (!rc)
      rc = buf_append_byte(out, *text == '\n' ? 'n' : (unsigned char)*text);
  }
  return rc ? rc : buf_append_byte(out, '\n');
}

/* In place. */
static void unescape(char *text) {
  char *to = text;
  for (const char *from = text; *from; from++) {
    if (*from == '\\' && from[1])
      *to++ = *++from == 'n' ? '\n' : *from;
    else
      *to++ = *from;
  }
  *to = '\0';
}

/* Is the opened file still the one with this name? Another session may have replaced it. */
static bool is_current(int fd, const char *path) {
  struct stat opened, named;
  return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

/* Locks are held only for moments. A session that was stopped while it held one must not stop
 * others: they go on without the lock, and at worst lose a rewrite. */
static bool lock(int fd) {
  for (int i = 0; i < LOCK_TRIES; i++) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
      return true;
    usleep(LOCK_PAUSE_US);
  }
  return false;
}

static bool is_file(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Open and lock; closing unlocks. Returns -1 if it cannot be opened or is not a regular file. */
static int open_locked(const char *path, int flags, bool *ret_locked) {
  for (;;) {
    int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd >= 0 && !is_file(fd)) {
      close(fd);
      fd = -1;
    }
    *ret_locked = fd >= 0 && lock(fd);
    if (fd < 0 || !*ret_locked || is_current(fd, path))
      return fd;
    close(fd);
  }
}

/* Make the folders on the way to the file. */
static void make_folders(const char *path) {
  char *part = strdup(path);
  for (char *slash = part ? strchr(part + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(part, 0700);
    *slash = '/';
  }
  free(part);
}

static void read_records(struct history_list *h, FILE *f) {
  char *line = NULL;
  size_t size = 0;
  ssize_t n;
  while ((n = getline(&line, &size, f)) > 0) {
    if (line[n - 1] == '\n')
      line[n - 1] = '\0';
    unescape(line);
    char *copy = *line && !is_youngest(h, line) ? strdup(line) : NULL;
    if (copy)
      append(h, copy);
  }
  free(line);
}

/* Write the youngest records to a file beside it, and rename that over it: a concurrent reader sees
 * the one or the other. */
static void rewrite(const struct history_list *h) {
  struct buf text = {0}, path = {0};
  int rc = buf_append(&path, h->path, strlen(h->path));
  if (!rc)
    rc = buf_append(&path, ".new", sizeof ".new");
  for (size_t i = 0; i < h->count && !rc; i++)
    rc = put_record(&text, h->texts[i]);
  int fd = rc ? -1 : open((const char *)path.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd >= 0) {
    bool whole = write(fd, text.data, text.len) == (ssize_t)text.len;
    if (close(fd) == 0 && whole)
      rename((const char *)path.data, h->path);
    else
      unlink((const char *)path.data);
  }
  buf_release(&text);
  buf_release(&path);
}

void history_open(struct history_list *h, const char *path) {
  *h = (struct history_list){0};
  if (!path || !(h->path = strdup(path)))
    return;
  bool locked;
  make_folders(path);
  int fd = open_locked(path, O_RDONLY, &locked);
  FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
  if (!f)
    return;
  read_records(h, f);
  bool long_file = locked && h->count > 2 * (size_t)HISTORY_MOST;
  keep_youngest(h, HISTORY_MOST);
  if (long_file)
    rewrite(h);
  fclose(f);
}

void history_close(struct history_list *h) {
  keep_youngest(h, 0);
  free(h->texts);
  free(h->path);
  *h = (struct history_list){0};
}

/* Does the file end inside a record? Then the next record would become a part of it. */
static bool is_torn(int fd) {
  char last;
  struct stat st;
  return fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 &&
         last != '\n';
}

static void write_record(const struct history_list *h, const char *text) {
  struct buf record = {0};
  bool locked;
  int fd = h->path ? open_locked(h->path, O_RDWR | O_APPEND | O_CREAT, &locked) : -1;
  if (fd < 0)
    return;
  int rc = is_torn(fd) ? buf_append_byte(&record, '\n') : 0;
  if (rc == 0 && put_record(&record, text) == 0)
    (void)!write(fd, record.data, record.len); /* in one write; if the disk is full, it is not
                                                  kept */
  buf_release(&record);
  close(fd);
}

bool history_add(struct history_list *h, const char *text) {
  if (text[strspn(text, " \t\n")] == '\0' || is_youngest(h, text))
    return false;
  char *copy = strdup(text);
  if (!copy)
    return false;
  append(h, copy);
  if (h->count >= 2 * (size_t)HISTORY_MOST)
    keep_youngest(h, HISTORY_MOST);
  write_record(h, text);
  return true;
}
