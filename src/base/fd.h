/*
 * base/fd.h - what is done with a file descriptor in more than one place.
 */
#ifndef SBX_BASE_FD_H
#define SBX_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Write all of `len` bytes, waiting for room where the descriptor is non-blocking (whoever shares it
 * may have made it so). False: an error, in errno; an unknown part was written.
 */
bool fd_write_all(int fd, const void *data, size_t len);

/*
 * The same to stderr, while this process holds a lock on it, so that others which do the same keep
 * out. A write that fits is in one piece anyway (pipe(7), tty); the lock is for a pipe that is
 * nearly full. It is a record lock, which goes when its process dies, and is waited for 200 ms at
 * most: its holder may be stopped, or stderr may be something that has no locks.
 */
bool fd_write_stderr(const void *data, size_t len);

/* Is it the write end of a pipe or socket that nobody will ever read? A write would raise SIGPIPE. */
bool fd_is_broken(int fd);

#endif
