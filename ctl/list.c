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
 * @reply: its first argument is the array
 * @rows: an array, to which they are appended
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_list_rows(const struct ctl_list *list, sd_bus_message *reply, json_t *rows)
{
	CTL_CLEANUP(json_decref) json_t *body = NULL;
	size_t n_columns = columns_of(list), i;
	const json_t *values;
	int r;

	r = ctl_body(reply, &body);
	if (r < 0)
		return ctl_no_reply(r);
	json_array_foreach(json_array_get(body, 0), i, values) {
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

/** ctl_list_run() - ask, and print the answer. Return: as ctl_list_rows(). */
enum ctl_exit ctl_list_run(struct ctl *ctl, const struct ctl_list *list)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	CTL_CLEANUP(json_decref) json_t *rows = json_array();
	enum ctl_exit status;

	status = ctl_manager(ctl, list->member, &reply, NULL);
	if (status == CTL_EXIT_OK)
		status = ctl_list_rows(list, reply, rows);
	if (status == CTL_EXIT_OK)
		status = ctl_list_print(ctl, list, rows);

	return status;
}
