/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/forget-directory.h"

/**
 * struct forget_step - one change of the directory
 * @removes: a name that goes, owned; or NULL
 * @adds: a name that comes, in the place of one that is there, owned; or NULL
 * @file: of @adds
 */
struct forget_step {
	STAILQ_ENTRY(forget_step) entry;
	char *removes;
	char *adds;
	struct forget_file *file;
};

/* ---- names ----------------------------------------------------------------------------------- */

static struct forget_name *find(const struct forget_names *names, const char *name)
{
	struct forget_name *each;

	TAILQ_FOREACH(each, names, entry)
		if (strcmp(each->name, name) == 0)
			return each;

	return NULL;
}

static void remove_name(struct forget_names *names, const char *name)
{
	struct forget_name *found = name ? find(names, name) : NULL;

	if (!found)
		return;

	TAILQ_REMOVE(names, found, entry);
	(void)forget_file_unref(found->file);
	free(found->name);
	free(found);
}

static void clear_names(struct forget_names *names)
{
	while (!TAILQ_EMPTY(names))
		remove_name(names, TAILQ_FIRST(names)->name);
}

static int add_name(struct forget_names *names, const char *name, struct forget_file *file)
{
	struct forget_name *new = calloc(1, sizeof(*new));

	if (new)
		new->name = strdup(name);
	if (!new || !new->name) {
		free(new);
		return -ENOMEM;
	}
	new->file = forget_file_ref(file);
	remove_name(names, name);
	TAILQ_INSERT_TAIL(names, new, entry);

	return 0;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void free_step(struct forget_step *step)
{
	(void)forget_file_unref(step->file);
	free(step->removes);
	free(step->adds);
	free(step);
}

static int take_step(struct forget_names *names, const struct forget_step *step)
{
	int r = step->adds ? add_name(names, step->adds, step->file) : 0;

	if (r == 0)
		remove_name(names, step->removes);

	return r;
}

static int take_steps(struct forget_directory *directory, size_t n)
{
	while (n-- > 0) {
		struct forget_step *step = STAILQ_FIRST(&directory->steps);
		int r = take_step(&directory->durable, step);

		if (r < 0)
			return r;
		STAILQ_REMOVE_HEAD(&directory->steps, entry);
		directory->n_steps--;
		free_step(step);
	}

	return 0;
}

static void clear_steps(struct forget_directory *directory)
{
	struct forget_step *step;

	while ((step = STAILQ_FIRST(&directory->steps))) {
		STAILQ_REMOVE_HEAD(&directory->steps, entry);
		free_step(step);
	}
	directory->n_steps = 0;
}

/* ---- the directory --------------------------------------------------------------------------- */

/**
 * forget_directory_init() - an empty directory
 * @directory: where
 */
void forget_directory_init(struct forget_directory *directory)
{
	TAILQ_INIT(&directory->seen);
	TAILQ_INIT(&directory->durable);
	STAILQ_INIT(&directory->steps);
	directory->n_steps = 0;
}

/**
 * forget_directory_done() - free what the directory holds
 * @directory: lets go of its files
 */
void forget_directory_done(struct forget_directory *directory)
{
	clear_steps(directory);
	clear_names(&directory->seen);
	clear_names(&directory->durable);
}

/**
 * forget_directory_find() - the file that programs see
 * @directory: the directory
 * @name: of the file
 *
 * Return: lent; NULL when there is none.
 */
struct forget_file *forget_directory_find(const struct forget_directory *directory,
					  const char *name)
{
	const struct forget_name *found = find(&directory->seen, name);

	return found ? found->file : NULL;
}

/**
 * forget_directory_change() - one step, without it being durable
 * @directory: the directory
 * @removes: a name that goes; or NULL
 * @adds: a name that comes, in the place of one that is there; or NULL
 * @file: of @adds
 *
 * Return: 0; -ENOMEM, and nothing was changed.
 */
int forget_directory_change(struct forget_directory *directory, const char *removes,
			    const char *adds, struct forget_file *file)
{
	struct forget_step *step = calloc(1, sizeof(*step));
	int r = -ENOMEM;

	if (!step)
		return r;
	step->removes = removes ? strdup(removes) : NULL;
	step->adds = adds ? strdup(adds) : NULL;
	step->file = adds ? forget_file_ref(file) : NULL;
	if (!step->removes == !removes && !step->adds == !adds)
		r = take_step(&directory->seen, step);
	if (r < 0) {
		free_step(step);
		return r;
	}
	STAILQ_INSERT_TAIL(&directory->steps, step, entry);
	directory->n_steps++;

	return 0;
}

/**
 * forget_directory_sync() - make all steps durable
 * @directory: the directory
 *
 * Return: 0; -ENOMEM, and some are still not durable.
 */
int forget_directory_sync(struct forget_directory *directory)
{
	return take_steps(directory, directory->n_steps);
}

/**
 * forget_directory_cut() - the power is cut and comes back
 * @directory: has only the names that were durable and the steps that luck has spared; its files
 *	are cut likewise
 * @luck: whose it is
 *
 * Return: 0; -ENOMEM.
 */
int forget_directory_cut(struct forget_directory *directory, struct forget_luck *luck)
{
	const struct forget_name *each;
	size_t spared = 0;
	int r;

	while (spared < directory->n_steps && forget_luck_spares(luck))
		spared++;
	r = take_steps(directory, spared);
	if (r < 0)
		return r;
	clear_steps(directory);
	clear_names(&directory->seen);
	TAILQ_FOREACH(each, &directory->durable, entry) {
		r = forget_file_cut(each->file, luck);
		if (r == 0)
			r = add_name(&directory->seen, each->name, each->file);
		if (r < 0)
			return r;
	}

	return 0;
}
