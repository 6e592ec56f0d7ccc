/*
 * host/hosts.h - the other hosts of a run: --engine, --hosts.
 */
#ifndef SBX_HOST_HOSTS_H
#define SBX_HOST_HOSTS_H

struct engine_choice;

/*
 * Connect to the engine, or start one; start agents, and wait for them. To be called before there is a
 * supervisor. Does nothing without --engine and --hosts. Returns 0; or an exit status, and has said why.
 */
int hosts_begin(const struct engine_choice *c);

/* The run is over: tell the agents, end what hosts_begin started. */
void hosts_end(void);

#endif
