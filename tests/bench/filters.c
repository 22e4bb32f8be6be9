/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs the hub to find who wants a message: one subscription in all, and one of many. The two
 * alternate. Prints the nanoseconds of each, and how many times the one the other is.
 *
 *	bench-filters [FILTERS [MESSAGES]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/hub.h"

#define LINK "plant"
#define TOPIC "/sys/pk7TestA/dev0000001/thing/service/switch500"
#define RUNS 9

static uint64_t delivered;

static void on_delivery(void *userdata, struct sb_subscription *subscription,
			const struct sb_delivery *delivery)
{
	(void)userdata;
	(void)subscription;
	(void)delivery;
	delivered++;
}

static struct sb_hub *make_hub(size_t n)
{
	struct sb_subscription *subscription;
	struct sb_hub *hub;
	char filter[64];

	if (sb_hub_new(&hub) < 0)
		abort();
	for (size_t i = 0; i < n; i++) {
		const struct sb_interest interest = {
			.link = LINK,
			.filter = filter,
			.origins = SB_FROM_CLOUD,
		};

		(void)snprintf(filter, sizeof(filter), "/sys/+/+/thing/service/switch%zu",
			       n == 1 ? 500 : i);
		if (sb_hub_subscribe(hub, &interest, on_delivery, NULL, &subscription, NULL) < 0)
			abort();
	}

	return hub;
}

static double run(struct sb_hub *hub, size_t messages)
{
	struct timespec begin, end;
	struct sb_delivery delivery = { .link = LINK, .topic = TOPIC };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	for (size_t i = 0; i < messages; i++)
		(void)sb_hub_deliver(hub, &delivery);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);

	return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) /
	       (double)messages;
}

static int by_value(const void *a, const void *b)
{
	const double *left = a;
	const double *right = b;

	return (*left > *right) - (*left < *right);
}

int main(int argc, char **argv)
{
	size_t filters = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	size_t messages = argc > 2 ? strtoul(argv[2], NULL, 10) : 200000;
	struct sb_hub *one = make_hub(1), *many = make_hub(filters);
	double ones[RUNS], manies[RUNS], ratios[RUNS];

	for (size_t i = 0; i < RUNS; i++) {
		ones[i] = run(one, messages);
		manies[i] = run(many, messages);
		ratios[i] = manies[i] / ones[i];
	}
	qsort(ones, RUNS, sizeof(ones[0]), by_value);
	qsort(manies, RUNS, sizeof(manies[0]), by_value);
	qsort(ratios, RUNS, sizeof(ratios[0]), by_value);
	if (delivered != 2 * RUNS * messages)
		return 1;
	(void)printf("%.1f %.1f %.2f\n", ones[RUNS / 2], manies[RUNS / 2], ratios[RUNS / 2]);

	return 0;
}
