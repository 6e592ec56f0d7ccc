/*
 * term/libedit.h - the line editing library, loaded when the first line is edited.
 *
 * Linked normally, it and the libraries that it needs would be mapped at every start of the program
 * and copied at every fork. Its functions are called by their usual names once libedit_load has
 * returned 0.
 */
#ifndef SBX_TERM_LIBEDIT_H
#define SBX_TERM_LIBEDIT_H

#include <histedit.h>

/* The functions that are used. */
#define LIBEDIT_FUNCTIONS(X)                                                                       \
  X(el_cursor)                                                                                     \
  X(el_deletestr)                                                                                  \
  X(el_end)                                                                                        \
  X(el_get)                                                                                        \
  X(el_init_fd)                                                                                    \
  X(el_parse)                                                                                      \
  X(el_resize)                                                                                     \
  X(el_set)                                                                                        \
  X(el_source)                                                                                     \
  X(el_wget)                                                                                       \
  X(el_wgets)                                                                                      \
  X(el_winsertstr)                                                                                 \
  X(el_wline)                                                                                      \
  X(el_wreplacestr)                                                                                \
  X(el_wset)                                                                                       \
  X(history_w)                                                                                     \
  X(history_wend)                                                                                  \
  X(history_winit)                                                                                 \
  X(tok_end)                                                                                       \
  X(tok_init)                                                                                      \
  X(tok_reset)                                                                                     \
  X(tok_str)

struct libedit {
#define X(name) __typeof__(&name) name;
  LIBEDIT_FUNCTIONS(X)
#undef X
};

extern struct libedit libedit;

/* Load it, once. 0, or -SBX_ESYSTEM if it is missing or lacks a function. */
int libedit_load(void);

#ifndef LIBEDIT_NAMES_ONLY
#define el_cursor (libedit.el_cursor)
#define el_deletestr (libedit.el_deletestr)
#define el_end (libedit.el_end)
#define el_get (libedit.el_get)
#define el_init_fd (libedit.el_init_fd)
#define el_parse (libedit.el_parse)
#define el_resize (libedit.el_resize)
#define el_set (libedit.el_set)
#define el_source (libedit.el_source)
#define el_wget (libedit.el_wget)
#define el_wgets (libedit.el_wgets)
#define el_winsertstr (libedit.el_winsertstr)
#define el_wline (libedit.el_wline)
#define el_wreplacestr (libedit.el_wreplacestr)
#define el_wset (libedit.el_wset)
#define history_w (libedit.history_w)
#define history_wend (libedit.history_wend)
#define history_winit (libedit.history_winit)
#define tok_end (libedit.tok_end)
#define tok_init (libedit.tok_init)
#define tok_reset (libedit.tok_reset)
#define tok_str (libedit.tok_str)
#endif

#endif
