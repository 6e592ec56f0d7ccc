/* host/init.h - --init: set up the Lua language server for the current folder. */
#ifndef SBX_HOST_INIT_H
#define SBX_HOST_INIT_H

/*
 * Write .luarc.json into the current folder, and say so. An existing file is never changed: if its
 * text differs, the text is printed, so that the user can copy what is missing. Returns 0, also
 * when the file was right already; else EXIT_LUA_ERROR, after a message on stderr.
 */
int init_folder(void);

#endif
