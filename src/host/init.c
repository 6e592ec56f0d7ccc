/*
 * host/init.c - --init; see init.h.
 */
#include "host/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "host/data.h"
#include "host/options.h"
#include "host/output.h"
#include "lua/state/meta.h"

static const char file_name[] = ".luarc.json";

/* -- the text ---------------------------------------------------------------------------------- */

/* Write a JSON string. Bytes above ASCII pass unchanged: a path is UTF-8, or JSON could not express
 * it at all. */
static void put_json(FILE *out, const char *text) {
  fputc('"', out);
  for (; *text != '\0'; text++)
    if ((unsigned char)*text < ' ')
      fprintf(out, "\\u%04x", (unsigned)*text);
    else
      fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
  fputc('"', out);
}

/* The library and its globals: the lines `name = sandbox.name` of the annotated source. */
static void put_globals(FILE *out) {
  fputs("\"sandbox\"", out);
  for (const char *line = meta_sources[0].text; line; line = strchr(line, '\n')) {
    line += *line == '\n';
    size_t len = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
    if (len > 0 && strncmp(line + len, " = sandbox.", 11) == 0)
      fprintf(out, ", \"%.*s\"", (int)len, line);
  }
}

/* Write the contents of .luarc.json. With `library` NULL, only the globals. */
static void put_settings(FILE *out, const char *library) {
  fputs("{\n  \"runtime.version\": \"Lua 5.4\",\n", out);
  if (library) {
    fputs("  \"workspace.library\": [", out);
    put_json(out, library);
    fputs("],\n", out);
  }
  fputs("  \"diagnostics.globals\": [", out);
  put_globals(out);
  fputs("]\n}\n", out);
}

/* -- the file ---------------------------------------------------------------------------------- */

static int cannot(const char *what) {
  fprintf(stderr, "sandbox: cannot %s %s: %s\n", what, file_name, strerror(errno));
  return EXIT_LUA_ERROR;
}

static bool file_is(const char *text, size_t len) {
  struct buf there = {0};
  FILE *file = fopen(file_name, "re");
  bool same = file && buf_reserve(&there, len + 1) == 0 &&
              fread(there.data, 1, len + 1, file) == len && memcmp(there.data, text, len) == 0;
  if (file)
    fclose(file);
  buf_release(&there);
  return same;
}

static int leave_file(const char *text, size_t len) {
  if (file_is(text, len)) {
    printf("%s is up to date\n", file_name);
    return 0;
  }
  fprintf(stderr,
          "sandbox: %s exists already and is left unchanged; it should have these settings:\n",
          file_name);
  fputs(text, stdout);
  return EXIT_LUA_ERROR;
}

/* Write all of it, or leave no file. */
static int write_file(const char *text, size_t len, const char *library) {
  int fd = open(file_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0)
    return errno == EEXIST ? leave_file(text, len) : cannot("create");
  errno = ENOSPC; /* unless write sets a reason */
  bool good = write(fd, text, len) == (ssize_t)len;
  if (close(fd) != 0 || !good) {
    int status = cannot("write");
    unlink(file_name);
    return status;
  }
  printf("%s written: the Lua language server now knows the library\n", file_name);
  if (library)
    printf("its documentation is in %s\n", library);
  else
    fprintf(stderr,
            "sandbox: the library's documentation is not installed, so only the names are known\n");
  return 0;
}

int init_folder(void) {
  char *text = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&text, &len);
  char *library = data_folder("luals/library");
  int status = EXIT_LUA_ERROR;
  if (out)
    put_settings(out, library);
  if (!out || fclose(out) != 0)
    cannot("compose");
  else
    status = write_file(text, len, library);
  free(library);
  free(text);
  return output_finish(status);
}
