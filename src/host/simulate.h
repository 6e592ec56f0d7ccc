/*
 * host/simulate.h - --sim and --explore: a script as a simulated run.
 */
#ifndef SBX_HOST_SIMULATE_H
#define SBX_HOST_SIMULATE_H

struct script; /* host/program.h */

/* Run the script in the simulator, as its options say. Returns the exit status. */
int simulate(struct script *script);

#endif
