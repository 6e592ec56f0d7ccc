/* host/strict.c - see strict.h. */
#include "host/strict.h"

#include <stdio.h>

#include "host/output.h"

int strict_report(void) {
  puts("language    yes");
  puts("kernel      no: it is not built into this program");
  return output_finish(0);
}

int strict_prepare(const struct options *o) {
  if (o->policy.strict != STRICT_ON)
    return 0;
  fputs("sandbox: --strict needs a kernel layer, which is not built into this program\n"
        "         --strict=lua holds by the language alone: not for people you do not trust\n",
        stderr);
  return EXIT_USAGE;
}
