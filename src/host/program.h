/*
 * host/program.h - what the command line says is to be run.
 */
#ifndef SBX_HOST_PROGRAM_H
#define SBX_HOST_PROGRAM_H

#include "host/options.h"

/* What to run; borrowed. */
struct script {
  const struct options *options;
  int argc;
  char **argv;
  const struct tracing *tracing;   /* host/trace.h */
  const struct shaken_run *shaken; /* host/shake.h; NULL: a plain run */
  struct explore_pages *pages;     /* of a strict run that explores: opened before; NULL: there are none */
  const char *instead;             /* text in place of that of the script's file; NULL: the file */
  size_t instead_len;
};

#endif
