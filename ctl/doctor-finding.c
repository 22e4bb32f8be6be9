/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/doctor-finding.h"

const struct ctl_finding_row ctl_findings[CTL_FINDINGS_N] = {
#define FINDING_ROW(constant, finding_name, what, todo) \
	[CTL_FINDING_##constant] = { .name = (finding_name), .meaning = (what), .mend = (todo) },
	CTL_FINDINGS(FINDING_ROW)
#undef FINDING_ROW
};
