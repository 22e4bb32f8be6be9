/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What came of the checks: for people, as one JSON object, or as TAP.
 */
#include <stdio.h>

#include "check/check.h"

enum check_form {
	CHECK_PEOPLE,
	CHECK_JSON,
	CHECK_TAP,
};

/**
 * struct check_report - one row for each check, in their order
 * @outcomes: as many as check_n_rows
 */
struct check_report {
	const struct check_plugin *plugin;
	struct check_outcome *outcomes;
};

bool check_report_passed(const struct check_report *report);
int check_report_write(const struct check_report *report, enum check_form form, FILE *file);
