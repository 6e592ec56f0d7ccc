/*
 * os/select.h - waiting for several things at once, and doing one of them.
 */
#ifndef SBX_OS_SELECT_H
#define SBX_OS_SELECT_H

#include "os/shared/self.h"

/*
 * OP_SELECT: do the first of op->subs that can go on, waiting until one can. Exactly one is done,
 * or none. op->number tells which; returns what it returned (0, -SBX_ECLOSED, or a failure of its
 * own). With op->number -1 none was done: -SBX_ETIMEDOUT, -SBX_EINTERRUPTED, -SBX_EINVAL (an op
 * that cannot be waited for with others).
 */
int select_any(struct os_backend *b, struct op *op);

#endif
