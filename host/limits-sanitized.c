/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the place of limits.c where sanitizers are built in. They take address space by the terabyte, and would look for
 * leaks with system calls that nobody has here. What they find ends the process by a signal, as without them.
 */
#include "host/host.h"

const uint64_t memory_max = UINT64_MAX;

/* Read by the sanitizer before main(). */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:"
	       "handle_abort=0:abort_on_error=1:allocator_may_return_null=1";
}
