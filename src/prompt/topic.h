/* prompt/topic.h - a page of the prompt's help, for `sandbox --help TOPIC`. */
#ifndef SBX_PROMPT_TOPIC_H
#define SBX_PROMPT_TOPIC_H

#include <lua.h>
#include <stdbool.h>

/*
 * Print on stdout what help(topic) shows at the prompt; if there is nothing of that name, say so on
 * stderr. The library must be open. Returns whether there was something.
 */
bool topic_show(lua_State *L, const char *topic, bool color);

#endif
