/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What can be measured of the daemon, as OpenMetrics has it: families of samples, each with a name, a type and a
 * sentence. All of it is known in memory, or the kernel's: to ask costs no disk.
 */
#include <stddef.h>

#include "daemon/gateway.h"

/** struct sb_metric_label - by what a sample differs from the others of its family; text is lent */
struct sb_metric_label {
	const char *name;
	const char *value;
};

/**
 * struct sb_metric_sample - one number; lent
 * @suffix: what the name of the family goes on with: "", "_total", "_bucket" …
 */
struct sb_metric_sample {
	const char *suffix;
	const struct sb_metric_label *labels;
	size_t n_labels;
	double value;
};

/** Returns 0, or a negative errno, and no more samples are wanted. */
typedef int sb_metric_sample_fn(void *userdata, const struct sb_metric_sample *sample);

/** struct sb_metric - a family; static */
struct sb_metric {
	const char *name;
	const char *type; /* counter, gauge, histogram, stateset, info */
	const char *help; /* a sentence */
};

size_t sb_metrics_count(void);
const struct sb_metric *sb_metrics_at(size_t index);
int sb_metrics_read(struct sb_gateway *gateway, size_t index, sb_metric_sample_fn *each,
		    void *userdata);
