/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "ctl/list.h"

static size_t columns_of(const struct ctl_list *list)
{
	size_t n = 0;

	while (n < CTL_LIST_COLUMNS_MAX && list->columns[n].key)
		n++;

	return n;
}

/**
 * ctl_list_rows() - the structs of an answer, as objects with the columns' keys
 * @list: what they are
 * @answer: the array of arrays
 * @rows: an array, to which they are appended
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_list_rows(const struct ctl_list *list, const json_t *answer, json_t *rows)
{
	size_t n_columns = columns_of(list), i;
	const json_t *values;

	json_array_foreach(answer, i, values) {
		json_t *row = json_object();

		if (json_array_size(values) < n_columns) {
			json_decref(row);
			return ctl_no_reply(-EBADMSG);
		}
		for (size_t n = 0; n < n_columns; n++)
			(void)json_object_set(row, list->columns[n].key, json_array_get(values, n));
		if (json_array_append_new(rows, row) < 0)
			return ctl_no_memory();
	}

	return CTL_EXIT_OK;
}

/** ctl_list_print() - rows of ctl_list_rows(), as a table or as JSON. Return: as ctl_list_rows(). */
enum ctl_exit ctl_list_print(struct ctl *ctl, const struct ctl_list *list, json_t *rows)
{
	if (!ctl->json && json_array_size(rows) == 0 && list->nothing)
		(void)puts(list->nothing);
	ctl_output_pager(ctl);

	return ctl_print_table(ctl, list->columns, columns_of(list), rows);
}

/**
 * ctl_list_get() - ask for a list
 * @argument: of the method, which is text; NULL if it takes none
 * @ret: on success the rows, a new reference
 *
 * Return: as ctl_list_rows().
 */
enum ctl_exit ctl_list_get(struct ctl *ctl, const struct ctl_list *list, const char *argument,
			   json_t **ret)
{
	CTL_CLEANUP(json_decref) json_t *answer = NULL, *rows = json_array();
	enum ctl_exit status;

	status = ctl_value(ctl, CTL_ROOT, CTL_MANAGER, list->member, &answer, argument ? "s" : NULL,
			   argument);
	if (status == CTL_EXIT_OK)
		status = ctl_list_rows(list, answer, rows);
	if (status == CTL_EXIT_OK)
		*ret = json_incref(rows);

	return status;
}

/** ctl_list_run() - ask for a list that takes no argument, and print it. Return: as ctl_list_rows(). */
enum ctl_exit ctl_list_run(struct ctl *ctl, const struct ctl_list *list)
{
	CTL_CLEANUP(json_decref) json_t *rows = NULL;
	enum ctl_exit status = ctl_list_get(ctl, list, NULL, &rows);

	return status == CTL_EXIT_OK ? ctl_list_print(ctl, list, rows) : status;
}
