/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What ended a child within a call of the plugin: taken down in a signal handler, and told by the parent.
 */
#include <stddef.h>

#include "check/finding.h"
#include "check/image.h"
#include "check/scripted-lent.h"

/**
 * struct check_death - plain data, so that a handler can write it
 * @signal: 0: it is alive
 * @call: that was under way; "" for none
 * @address: that was touched, with SIGSEGV and SIGBUS
 * @code: the instruction
 * @syscall: the kernel's number, with SIGSYS
 * @block: what @address lies in, if it lies in what was lent
 */
struct check_death {
	int signal;
	char call[48];
	void *address;
	void *code;
	int syscall;
	bool lent;
	struct scripted_block block;
};

void check_death_tell(const struct check_death *death, const struct check_image *image,
		      const char *printed, struct check_finding *ret);
