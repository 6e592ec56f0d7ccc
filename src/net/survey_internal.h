/* net/survey_internal.h - what the survey of a prompt (survey.c) and the look for deadlocks (gather.c) have in common: the processes that
 * stand for others, and the objects in the engine as rows of a snapshot (survey_objects.c). */
#ifndef SBX_NET_SURVEY_INTERNAL_H
#define SBX_NET_SURVEY_INTERNAL_H

#include "net/internal.h"
#include "net/survey.h"

struct survey {
  struct net n; /* an empty one: engine, options, who is dead */
  struct snapshot *s;
  struct net_stand_in *fleet; /* owned; ascending */
  size_t fleet_count;
  bool
      whole; /* all processes of all hosts are in `s` (look/gather.h): so it is known who can do what with an object */
  bool unknown;  /* of the whole: somebody has to do with an object who is not there */
  uint64_t *far; /* else: owned; who the processes behind the first `local` are */
  uint32_t local;
};

/* A command about one key of the run. 0, or as engine_ask */
int survey_ask(struct survey *v, const char *command, const char *what, struct engine_reply **ret);

/* Read the fleet; what it was before is freed. 0, -SBX_ENOMEM, or as engine_ask */
int survey_fleet(struct survey *v);
const struct net_stand_in *survey_stand_in(const struct survey *v, uint64_t number);

/* The row of a process; -1: it has none. A far process is what stands for it. */
int64_t survey_row(const struct survey *v, uint64_t who);

/* The state of an object; `ret_found`: false if it was removed meanwhile, or somebody else writes there. 0, or as engine_ask */
int survey_read(struct survey *v, uint64_t id, struct net_state *o, bool *ret_found);

/* Add a row for it: a queue's, or a synchronisation object's. -SBX_ENOMEM */
int survey_add(struct survey *v, struct net_state *o, uint64_t id);

/* The id of an object in the snapshot: in a whole they are apart from those of objects that are not in the engine. */
static inline uint64_t survey_id(const struct survey *v, uint64_t id) {
  return v->whole ? NET_SERIALS | id : id;
}

#endif
