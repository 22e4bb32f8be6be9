/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What was found: a rule that was broken, in which call, when, and what to do instead. The same finding in
 * many cases is one finding, of which the first case is told.
 */
#include <stdbool.h>
#include <stddef.h>

#define CHECK_FINDINGS_MAX 24

/**
 * struct check_finding - one
 * @call: of the plugin, "encode()"; "" for none
 * @when: what had happened, "when the answer to the login was 4.04"; "" if it does not matter
 * @text: a sentence: what was broken, and what to do instead
 * @n: in so many cases
 */
struct check_finding {
	char call[48];
	char when[200];
	char text[640];
	unsigned int n;
};

/** struct check_findings - of one check, in the order in which they were found; zeroed is empty */
struct check_findings {
	struct check_finding all[CHECK_FINDINGS_MAX];
	size_t n;
	bool more; /* there were others */
};

bool check_finding_same(const struct check_finding *one, const struct check_finding *other);
void check_findings_add(struct check_findings *findings, const struct check_finding *finding);
