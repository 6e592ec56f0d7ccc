/* host/init.h - --init: tell the Lua language server of this folder about the library. */
#ifndef SBX_HOST_INIT_H
#define SBX_HOST_INIT_H

/*
 * Write .luarc.json into the current folder, and say so. A file that is there already is never
 * changed: if it has not just this text, the text is printed, for a person to take from it what is
 * missing. Returns 0, also when the file was as it should be; else EXIT_LUA_ERROR, after a message
 * on stderr.
 */
int init_folder(void);

#endif
