/*
 * host/explore.h - --explore: what every interleaving of a script does, told to a person.
 */
#ifndef SBX_HOST_EXPLORE_H
#define SBX_HOST_EXPLORE_H

struct script; /* host/program.h */

/* Explore the script, print the report on stdout. Returns the exit status: 0, EXIT_FOUND, ... */
int explore_script(struct script *script);

#endif
