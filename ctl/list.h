/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the daemon answers as an array of structs, as a table. A list is a row of lists.c: which method, and
 * what its columns are.
 */
#include "ctl/bus.h"
#include "ctl/output.h"

#define CTL_LIST_COLUMNS_MAX 12

/** struct ctl_list - columns stand for the members of the struct, in their order */
struct ctl_list {
	const char *member; /* of Manager */
	struct ctl_column columns[CTL_LIST_COLUMNS_MAX]; /* ends with a key of NULL */
	const char *nothing; /* what is said when it is empty; NULL for nothing */
};

enum ctl_exit ctl_list_rows(const struct ctl_list *list, const json_t *answer, json_t *rows);
enum ctl_exit ctl_list_get(struct ctl *ctl, const struct ctl_list *list, const char *argument,
			   json_t **ret);
enum ctl_exit ctl_list_print(struct ctl *ctl, const struct ctl_list *list, json_t *rows);
enum ctl_exit ctl_list_run(struct ctl *ctl, const struct ctl_list *list);
