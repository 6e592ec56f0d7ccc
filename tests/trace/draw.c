/*
 * tests/trace/draw.c - writes pictures of made-up runs, for tests that look at them.
 *
 *   draw html|svg|graph FILE SAMPLE [SAMPLE]      a SAMPLE is a name of samples.h; "big:1000000"
 *
 * Prints how long the writing took, in seconds of CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "look/trace/graph.h"
#include "look/trace/html.h"
#include "look/trace/svg.h"
#include "trace/samples.h"

static int write_file(void *ctx, const void *data, size_t len) {
  return fwrite(data, 1, len, ctx) == len ? 0 : -1;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int draw(const char *what, const struct trace_model *const models[], unsigned count,
                FILE *file) {
  const struct trace_sink sink = {write_file, file};
  struct buf svg = {0};
  if (strcmp(what, "html") == 0)
    return trace_html(models, count, &sink);
  if (strcmp(what, "svg") == 0)
    return trace_svg(models, count, &sink);
  int rc = trace_graph_of_model(models[0], true, &svg);
  if (rc == 0)
    rc = write_file(file, svg.data, svg.len);
  buf_release(&svg);
  return rc;
}

int main(int argc, char **argv) {
  struct trace_model models[2] = {0};
  const struct trace_model *list[2] = {&models[0], &models[1]};
  if (argc < 4 || argc > 5) {
    fputs("usage: draw html|svg|graph FILE SAMPLE [SAMPLE]\n", stderr);
    return 2;
  }
  for (int i = 3; i < argc; i++) {
    char *colon = strchr(argv[i], ':');
    if (colon)
      *colon = '\0';
    if (!sample_make(argv[i], colon ? (uint32_t)strtoul(colon + 1, NULL, 10) : 0, &models[i - 3])) {
      fprintf(stderr, "draw: no sample '%s'\n", argv[i]);
      return 2;
    }
  }
  FILE *file = fopen(argv[2], "wb");
  double start = now();
  int rc = file ? draw(argv[1], list, (unsigned)argc - 3, file) : -1;
  printf("%.3f\n", now() - start);
  if (!file || fclose(file) || rc) {
    fprintf(stderr, "draw: cannot write %s (%d)\n", argv[2], rc);
    return 1;
  }
  trace_model_release(&models[0]);
  trace_model_release(&models[1]);
  return 0;
}
