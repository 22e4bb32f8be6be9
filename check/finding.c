/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check/finding.h"
#include "daemon/utf8.h"

/* Numbers apart, of bytes and the like. */
static bool same_text(const char *one, const char *other)
{
	static const char digits[] = "0123456789";

	while (*one && *other) {
		one += strspn(one, digits);
		other += strspn(other, digits);
		if (*one != *other)
			return false;
		one += *one != '\0';
		other += *other != '\0';
	}

	return *one == *other;
}

/**
 * check_finding_same() - do two say the same, of different cases?
 * @one: a finding
 * @other: a finding
 *
 * Return: whether they do.
 */
bool check_finding_same(const struct check_finding *one, const struct check_finding *other)
{
	return strcmp(one->call, other->call) == 0 && same_text(one->text, other->text);
}

/**
 * check_findings_add() - add one, unless it is there
 * @findings: get it
 * @finding: copied; what is from the plugin in it may be anything, and becomes one line of text
 */
void check_findings_add(struct check_findings *findings, const struct check_finding *finding)
{
	struct check_finding one = *finding;

	sb_utf8_make_printable(one.when);
	sb_utf8_make_printable(one.text);
	for (size_t i = 0; i < findings->n; i++) {
		struct check_finding *other = &findings->all[i];

		if (check_finding_same(other, &one)) {
			other->n++;
			return;
		}
	}
	if (findings->n == CHECK_FINDINGS_MAX) {
		findings->more = true;
		return;
	}
	findings->all[findings->n] = one;
	findings->all[findings->n++].n = 1;
}
