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

#endif
