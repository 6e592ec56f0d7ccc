/*
 * host/data.h - the files that are installed beside the program.
 *
 * They are found relative to the program, so that a tree can be moved: under the install prefix
 * (SANDBOX_DATA_FROM_BIN is the path from bin/), or, in a build tree, under the program's own folder,
 * where CMake makes links.
 */
#ifndef SBX_HOST_DATA_H
#define SBX_HOST_DATA_H

/* The absolute path of the program; NULL: unknown. The caller frees it. */
char *data_program(void);

/* The absolute path of a folder of the program's data, such as "luals/library"; NULL: it is not there. The
 * caller frees it. */
char *data_folder(const char *folder);

#endif
