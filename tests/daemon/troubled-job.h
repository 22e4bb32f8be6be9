/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SB_TESTS_TROUBLED_JOB_H
#define SB_TESTS_TROUBLED_JOB_H
/*
 * Jobs for the store, some of which fail: for want of memory, alone, with all that is in their
 * transaction, or because the disk is full.
 */
#include "daemon/store-job.h"

/** enum trouble_ways - how a job may fail once it exists */
enum trouble_ways {
	TROUBLE_ON_DISK = 2, /* alone, or with all that is in its transaction */
	TROUBLE_WITH_FULL_DISK = 3, /* or because the disk is full */
};

/** struct trouble - what goes wrong, by chance */
struct trouble {
	enum trouble_ways ways;
	unsigned int per_thousand; /* so many jobs fail */
	unsigned int seed;
};

/**
 * trouble_draw() - a number by chance
 * @trouble: its seed goes on
 * @below: not 0
 *
 * Return: 0 to @below - 1.
 */
unsigned int trouble_draw(struct trouble *trouble, unsigned int below);

/**
 * troubled_job_new() - sb_store_job_new(), but that some fail
 * @trouble: says how many
 * @kind: of the job
 * @link: its link
 * @userdata: for the job
 *
 * Return: as sb_store_job_new().
 */
struct sb_store_job *troubled_job_new(struct trouble *trouble, const struct sb_job_kind *kind,
				      const char *link, void *userdata);

#endif
