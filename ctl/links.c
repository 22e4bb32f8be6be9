/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ctl/links.h"

#define LINK_PREFIX CTL_ROOT "/link"

static int by_name(const void *a, const void *b)
{
	const char *left = json_string_value(json_object_get(*(const json_t *const *)a, "Name"));
	const char *right = json_string_value(json_object_get(*(const json_t *const *)b, "Name"));

	return strcmp(left ? left : "", right ? right : "");
}

static int sort(json_t *links)
{
	size_t n = json_array_size(links);
	CTL_CLEANUP(free) const json_t **items = calloc(n + 1, sizeof(const json_t *));
	CTL_CLEANUP(json_decref) json_t *sorted = json_array();

	if (!items || !sorted)
		return -1;
	for (size_t i = 0; i < n; i++)
		items[i] = json_array_get(links, i);
	qsort(items, n, sizeof(const json_t *), by_name);
	for (size_t i = 0; i < n; i++)
		if (json_array_append(sorted, (json_t *)items[i]) < 0)
			return -1;
	(void)json_array_clear(links);

	return json_array_extend(links, sorted);
}

/**
 * ctl_links() - all links of the daemon
 * @ret: on success an array of objects, in the order of their names; a new reference
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_links(struct ctl *ctl, json_t **ret)
{
	CTL_CLEANUP(json_decref) json_t *objects = NULL, *links = json_array();
	enum ctl_exit status;
	const char *path;
	json_t *object;

	status = ctl_value(ctl, CTL_ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
			   &objects, NULL);
	if (status != CTL_EXIT_OK)
		return status;

	json_object_foreach(objects, path, object) {
		json_t *link = json_object_get(object, CTL_LINK);

		if (link && (json_object_set_new(link, "Path", json_string(path)) < 0 ||
			     json_array_append(links, link) < 0))
			return ctl_no_memory();
	}
	if (sort(links) < 0)
		return ctl_no_memory();
	*ret = json_incref(links);

	return CTL_EXIT_OK;
}

/**
 * ctl_link_path() - the object of a link
 * @name: in the configuration
 * @ret: its path, which the caller frees, whether or not there is such a link
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_link_path(const char *name, char **ret)
{
	if (sd_bus_path_encode(LINK_PREFIX, name, ret) < 0)
		return ctl_no_memory();

	return CTL_EXIT_OK;
}

static enum ctl_exit no_such_link(const char *name)
{
	return ctl_fail(CTL_EXIT_NOT_FOUND,
			"there is no link \"%s\"; \"skybusctl status\" shows those that there are.",
			name);
}

/**
 * ctl_link_get() - one link
 * @name: in the configuration
 * @ret: on success its object, a new reference
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_link_get(struct ctl *ctl, const char *name, json_t **ret)
{
	CTL_CLEANUP(json_decref) json_t *links = NULL;
	enum ctl_exit status;
	json_t *link;
	size_t i;

	status = ctl_links(ctl, &links);
	if (status != CTL_EXIT_OK)
		return status;
	json_array_foreach(links, i, link) {
		const char *found = json_string_value(json_object_get(link, "Name"));

		if (!found || strcmp(found, name) != 0)
			continue;
		*ret = json_incref(link);
		return CTL_EXIT_OK;
	}

	return no_such_link(name);
}

/**
 * ctl_link_only() - the name of the link that is meant
 * @name: the one that was named; NULL for the only one that there is
 * @ret: on success its name, which the caller frees; of one that was named it is not known whether it exists
 *
 * Return: CTL_EXIT_OK, or what to end with when it was said that there is none, or that there are several.
 */
enum ctl_exit ctl_link_only(struct ctl *ctl, const char *name, char **ret)
{
	CTL_CLEANUP(json_decref) json_t *links = NULL;
	enum ctl_exit status;

	if (!name) {
		status = ctl_links(ctl, &links);
		if (status != CTL_EXIT_OK)
			return status;
		if (json_array_size(links) == 0)
			return ctl_fail(
				CTL_EXIT_NOT_FOUND,
				"the configuration has no link yet; \"skybusctl config init\" writes one.");
		if (json_array_size(links) > 1)
			return ctl_fail(
				CTL_EXIT_USAGE,
				"there are several links: say which one (\"skybusctl status\" shows them).");
		name = json_string_value(json_object_get(json_array_get(links, 0), "Name"));
	}
	*ret = strdup(name ? name : "");

	return *ret ? CTL_EXIT_OK : ctl_no_memory();
}
