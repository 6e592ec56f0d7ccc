/* base/sanitized.h - SANITIZED is defined if the address sanitizer is built in, by gcc or by clang. */
#ifndef SBX_BASE_SANITIZED_H
#define SBX_BASE_SANITIZED_H

#if defined __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
#include <sanitizer/asan_interface.h>
#endif

#endif
