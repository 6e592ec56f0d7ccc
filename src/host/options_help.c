/* host/options_help.c - --help and --help all, from the table of options; see options.h. */
#include <string.h>

#include "host/options_internal.h"

static const char *const group_titles[GROUP_COUNT] = {
    "Options, as those of lua",
    "Options of a run",
    "Options that show a run",
    "Options that try interleavings",
    "Options for scripts that are not trusted, and limits",
    "Options of runs over several hosts",
    "Other options",
};

static const char help_head[] =
    "Usage: sandbox [options] [script [args]]\n"
    "Run Lua 5.4 scripts whose processes and queues are those of the operating system.\n"
    "\n"
    "Examples:\n"
    "  sandbox scripts/queue.lua               run an experiment\n"
    "  sandbox --speed 10 scripts/queue.lua    the same, in a tenth of the time\n"
    "  sandbox --timeout 60 --output tag scripts/process.lua\n"
    "                                          at most a minute, each line tagged with its "
    "process\n"
    "  sandbox --shake scripts/queue.lua       100 times, to find orders that are rare\n"
    "  sandbox --timeline scripts/queue.lua    draw what each process did\n"
    "  sandbox --trace run.html scripts/queue.lua\n"
    "                                          record the run, to look at it in a browser\n"
    "  sandbox -e 'print(spawn(math.sqrt, 2):join())'\n"
    "  sandbox --check scripts/queue.lua       check the syntax only\n"
    "  sandbox                                 a prompt\n";

static const char help_tail[] =
    "\n"
    "  --                   end of the options\n"
    "  -                    end of the options; the script comes from standard input\n"
    "\n"
    "Commands:\n"
    "  trace FILE -o FILE   show a recorded run in another way; see sandbox trace --help\n"
    "  check LESSON ANSWER  check an answer to a lesson of the course; see sandbox check --help\n"
    "  agent URL            run processes for other hosts' runs; see sandbox agent --help\n"
    "\n"
    "Without a script, Lua is read from standard input: at a prompt if that is a terminal.\n"
    "\n"
    "Exit status:\n"
    "  0      success\n"
    "  1      the script raised an error, or could not be read\n"
    "  2      the command line is wrong\n"
    "  3      a process failed and was not joined\n"
    "  4      deadlock: every process waited for another process\n"
    "  5      a run of --shake or --explore went wrong, or one of --replay went another way\n"
    "  124    the time limit of --timeout or --cpu was reached\n"
    "  125    another limit was reached; --explore found nothing wrong, but did not try all\n"
    "  128+n  ended by signal n (130: Ctrl-C)\n";

static void help_row(FILE *out, const struct option_row *row) {
  char left[64];
  static const char *const before[] = {"", " ", " ", "[="}; /* by enum option_argument */
  const char *argument = row->argument ? row->argument : "";
  const char *gap = before[row->takes], *end = row->takes == OPTIONAL_ARGUMENT ? "]" : "";
  if (row->letter && row->name)
    snprintf(left, sizeof left, "-%c, --%s%s%s%s", row->letter, row->name, gap, argument, end);
  else if (row->name)
    snprintf(left, sizeof left, "--%s%s%s%s", row->name, gap, argument, end);
  else
    snprintf(left, sizeof left, "-%c%s%s", row->letter, gap, argument);
  fprintf(out, "  %-20s %s\n", left, row->help);
}

static const char trace_head[] =
    "Usage: sandbox trace [options] FILE [FILE]\n"
    "Show a run that was recorded in another way, or two of them side by side. FILE is what "
    "--trace\n"
    "has written as .pftrace, or the FILE.part that is left of a run that was cut off.\n"
    "\n"
    "Examples:\n"
    "  sandbox trace run.pftrace               draw the timeline\n"
    "  sandbox trace run.pftrace -o run.html   a page for the browser\n"
    "  sandbox trace serial.pftrace process.pftrace -o both.html\n"
    "                                          two runs on one time axis\n"
    "\n"
    "Options:\n";

static const char trace_tail[] = "  --                   end of the options\n"
                                 "\n"
                                 "A file whose name is trace is run as a script.\n"
                                 "\n"
                                 "Exit status:\n"
                                 "  0      success\n"
                                 "  1      a file cannot be written\n"
                                 "  2      the command line is wrong, or a file is no trace\n";

void options_trace_help(FILE *out) {
  fputs(trace_head, out);
  for (int i = 0; i < trace_command_options.count; i++)
    help_row(out, &trace_command_options.rows[i]);
  fputs(trace_tail, out);
}

static const char course_head[] =
    "Usage: sandbox check [options] [LESSON [ANSWER...]]\n"
    "Check answers to a lesson of the course: run each with limits, explore it, and say what "
    "fails\n"
    "and why. Without an answer, show the lesson's task; alone, list the lessons.\n"
    "\n"
    "Examples:\n"
    "  sandbox check                           the lessons\n"
    "  sandbox check lesson-3                  the task of the third one\n"
    "  sandbox check lesson-3 answer.lua       is this answer right?\n"
    "  sandbox check --table lesson-3 class/*.lua\n"
    "                                          a line for each answer\n"
    "\n"
    "Options:\n";

static const char course_tail[] = "  --                   end of the options\n"
                                  "\n"
                                  "A file whose name is check is run as a script.\n"
                                  "\n"
                                  "Exit status:\n"
                                  "  0      all answers are right\n"
                                  "  1      some are not\n"
                                  "  2      the command line is wrong, or a file cannot be read\n";

void options_course_help(FILE *out) {
  fputs(course_head, out);
  for (int i = 0; i < course_options.count; i++)
    help_row(out, &course_options.rows[i]);
  fputs(course_tail, out);
}

static const char agent_head[] =
    "Usage: sandbox agent [options] URL\n"
    "Run processes on this host for runs on others: those that use the engine at URL, a Redis "
    "server,\n"
    "redis://HOST[:PORT][/DB]. The password comes from the variable SANDBOX_PASSWORD.\n"
    "Whoever may write to the engine runs code on this host.\n"
    "\n"
    "Examples:\n"
    "  SANDBOX_PASSWORD=secret sandbox agent redis://engine.example\n"
    "  sandbox agent --name bert --slots 8 redis://engine.example\n"
    "\n"
    "Options:\n";

static const char agent_tail[] =
    "  --                   end of the options\n"
    "\n"
    "A file whose name is agent is run as a script.\n"
    "\n"
    "Exit status:\n"
    "  0      it was ended\n"
    "  1      the engine is gone, or another agent has taken the name\n"
    "  2      the command line is wrong, or the engine cannot be used\n";

void options_agent_help(FILE *out) {
  fputs(agent_head, out);
  for (int i = 0; i < agent_options.count; i++)
    help_row(out, &agent_options.rows[i]);
  fputs(agent_tail, out);
}

static const char brief_head[] =
    "Usage: sandbox [options] [script [args]]\n"
    "Run Lua 5.4 scripts whose processes and queues are those of the operating system.\n"
    "  sandbox scripts/queue.lua               run an experiment\n"
    "  sandbox --speed 10 --timeline scripts/queue.lua\n"
    "                                          ten times faster, then draw what happened\n"
    "  sandbox                                 a prompt\n";

/* What most people need, in one screen of 24 lines of 80 columns. */
static const char *const common_options[] = {"e",       "i",        "speed",  "seed",
                                             "timeout", "timeline", "stats",  "trace",
                                             "shake",   "explore",  "replay", "help"};

static bool is_common(const struct option_row *row) {
  char letter[2] = {row->letter, 0};
  for (size_t i = 0; i < sizeof common_options / sizeof *common_options; i++)
    if (strcmp(common_options[i], row->name ? row->name : letter) == 0)
      return true;
  return false;
}

void options_help(FILE *out) {
  fputs(brief_head, out);
  for (enum option_group group = 0; group < GROUP_COUNT; group++) {
    const char *title = group_titles[group];
    for (int i = 0; i < program_options.count; i++) {
      if (program_options.rows[i].group != group || !is_common(&program_options.rows[i]))
        continue;
      if (title)
        fprintf(out, "%s:\n", title);
      title = NULL;
      help_row(out, &program_options.rows[i]);
    }
  }
  fputs("'sandbox --help all' has the rest, and the exit statuses\n", out);
}

void options_help_all(FILE *out) {
  fputs(help_head, out);
  for (enum option_group group = 0; group < GROUP_COUNT; group++) {
    fprintf(out, "\n%s:\n", group_titles[group]);
    for (int i = 0; i < program_options.count; i++)
      if (program_options.rows[i].group == group)
        help_row(out, &program_options.rows[i]);
  }
  fputs(help_tail, out);
}
