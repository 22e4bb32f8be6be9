/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/daemon/troubled-job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "daemon/cleanup.h"
#include "daemon/store-db.h"

unsigned int trouble_draw(struct trouble *trouble, unsigned int below)
{
	return (unsigned int)rand_r(&trouble->seed) % below;
}

static int run_alone(struct sb_db *db, struct sb_job *job)
{
	(void)db;
	(void)job;

	return -EIO;
}

static int run_together(struct sb_db *db, struct sb_job *job)
{
	(void)job;
	sb_db_rollback(db);

	return -EROFS;
}

static int run_full(struct sb_db *db, struct sb_job *job)
{
	(void)db;
	(void)job;

	return -ENOSPC;
}

/* A kind that fails; it lives as long as the test. */
static const struct sb_job_kind *failing(struct trouble *trouble, const struct sb_job_kind *kind)
{
	static struct {
		const struct sb_job_kind *of;
		struct sb_job_kind kinds[TROUBLE_WITH_FULL_DISK];
	} known[12];
	size_t i = 0;

	while (known[i].of && known[i].of != kind)
		i++;
	assert_true(i < SB_ELEMENTS(known));
	if (!known[i].of) {
		known[i].of = kind;
		for (size_t j = 0; j < SB_ELEMENTS(known[i].kinds); j++)
			known[i].kinds[j] = *kind;
		known[i].kinds[0].run = run_alone;
		known[i].kinds[1].run = kind->writes ? run_together : run_alone;
		known[i].kinds[2].run = kind->writes ? run_full : run_alone;
	}

	return &known[i].kinds[trouble_draw(trouble, trouble->ways)];
}

struct sb_store_job *troubled_job_new(struct trouble *trouble, const struct sb_job_kind *kind,
				      const char *link, void *userdata)
{
	bool fails =
		trouble->per_thousand > 0 && trouble_draw(trouble, 1000) < trouble->per_thousand;
	struct sb_store_job *job;

	if (fails && trouble_draw(trouble, 3) == 0)
		return NULL;
	job = sb_store_job_new(kind, link, userdata);
	if (job && fails)
		job->base.kind = failing(trouble, kind);

	return job;
}
