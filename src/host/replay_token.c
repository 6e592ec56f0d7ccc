/* host/replay_token.c - the token of a script's schedule, and the command that replays it; see replay_token.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "host/explore_failures.h"
#include "host/program.h"
#include "host/replay_token.h"
#include "sim/explore/token.h"

const char *replay_path(const struct script *s) {
  return s->options->script < s->argc ? s->argv[s->options->script] : NULL;
}

static int hash_file(const char *path, uint32_t *hash) {
  FILE *f = fopen(path, "re");
  char part[4096];
  if (!f)
    return -errno;
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
    *hash = token_hash(*hash, part, n);
  fclose(f);
  return 0;
}

/* Of the statements of the command line, and the script. False: it has no text that can be read. */
bool replay_hash(const struct script *s, uint32_t *ret) {
  const struct options *o = s->options;
  const char *path = replay_path(s);
  *ret = TOKEN_HASH_NONE;
  for (size_t i = 0; i < o->step_count; i++)
    if (o->steps[i].text)
      *ret = token_hash(*ret, o->steps[i].text, strlen(o->steps[i].text) + 1);
  if (!path)
    return o->has_statement;
  return !o->script_is_stdin && hash_file(path, ret) == 0;
}

/* A word as a shell takes it. */
static void print_word(FILE *f, const char *word) {
  static const char plain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+%@";
  if (*word && word[strspn(word, plain)] == '\0') {
    fprintf(f, " %s", word);
    return;
  }
  fputs(" '", f);
  for (; *word; word++)
    if (*word == '\'')
      fputs("'\\''", f);
    else
      fputc(*word, f);
  fputc('\'', f);
}

static void print_paths(FILE *f, const char *option, const struct policy_paths *paths) {
  for (size_t i = 0; i < paths->count; i++) {
    fprintf(f, " %s", option);
    print_word(f, paths->list[i].written);
  }
}

/* Whoever takes the command from a report does not trust the script more than before. */
static void print_policy(FILE *f, const struct policy *p) {
  if (!policy_is_strict(p))
    return;
  fputs(p->strict == STRICT_LUA ? " --strict=lua" : " --strict", f);
  print_paths(f, "--allow-read", &p->read);
  print_paths(f, "--allow-write", &p->write);
  for (size_t i = 0; i < p->env.count; i++)
    fprintf(f, " --allow-env %s", p->env.list[i]);
  if (p->run)
    fputs(" --allow-run", f);
}

/* The options that decide what the script does, and the script. */
static void print_command(FILE *f, const struct script *s) {
  static const char letters[] = {
      [STEP_STATEMENT] = 'e', [STEP_LIBRARY] = 'l', [STEP_WARNINGS] = 'W'};
  const struct options *o = s->options;
  print_policy(f, &o->policy);
  if (o->seeded)
    fprintf(f, " --seed %llu", (unsigned long long)o->seed);
  if (o->ignore_environment)
    fputs(" -E", f);
  for (size_t i = 0; i < o->step_count; i++) {
    fprintf(f, " -%c", letters[o->steps[i].kind]);
    if (o->steps[i].text)
      print_word(f, o->steps[i].text);
  }
  for (int i = o->script; i < s->argc; i++)
    print_word(f, s->argv[i]);
  fputc('\n', f);
}

/* The token of a path. False: nothing can be told, also since there is no memory. */
static bool write_token(const struct script *script, const struct exploration *x,
                        const struct failure *of, struct buf *token) {
  uint32_t hash;
  return replay_hash(script, &hash) &&
         token_write(x, of->path, of->len, of->loop, hash, false, token) == 0;
}

static void print_token(FILE *f, const struct buf *token) {
  fprintf(f, "--replay '%.*s'", (int)token->len, (const char *)token->data);
}

void replay_tell_token(FILE *f, const struct script *script, const struct exploration *x,
                       const struct failure *of) {
  struct buf token = {0};
  if (write_token(script, x, of, &token)) {
    fputs("    such a run: ", f);
    print_token(f, &token);
    fputc('\n', f);
  }
  buf_release(&token);
}

void replay_tell(FILE *f, const struct script *script, const struct exploration *x,
                 const struct failure *of) {
  struct buf token = {0};
  if (write_token(script, x, of, &token)) {
    /* real processes are led into a circle, and then go on by themselves */
    fputs(of->end == EXPLORE_STUCK || of->loop != EXPLORE_NONE ? "see it again: sandbox --sim "
                                                               : "see it again: sandbox ",
          f);
    print_token(f, &token);
    print_command(f, script);
  }
  buf_release(&token);
}
