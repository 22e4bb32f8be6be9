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

/** struct crowd - a hub and all that have subscribed there */
struct crowd {
	struct sb_hub *hub;
	struct sb_subscription **subscriptions;
	size_t n;
};

static void crowd_come(struct crowd *crowd, size_t n)
{
	char filter[64];

	crowd->subscriptions = calloc(n, sizeof(struct sb_subscription *));
	if (!crowd->subscriptions || sb_hub_new(&crowd->hub) < 0)
		abort();
	for (; crowd->n < n; crowd->n++) {
		const struct sb_interest interest = {
			.link = LINK,
			.filter = filter,
			.origins = SB_FROM_CLOUD,
		};

		(void)snprintf(filter, sizeof(filter), "/sys/+/+/thing/service/switch%zu",
			       n == 1 ? 500 : crowd->n);
		if (sb_hub_subscribe(crowd->hub, &interest, on_delivery, NULL,
				     &crowd->subscriptions[crowd->n], NULL) < 0)
			abort();
	}
}

static void crowd_go(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->n; i++)
		(void)sb_subscription_free(crowd->subscriptions[i]);
	free(crowd->subscriptions);
	(void)sb_hub_free(crowd->hub);
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
	struct crowd one = { 0 }, many = { 0 };
	double ones[RUNS], manies[RUNS], ratios[RUNS];

	crowd_come(&one, 1);
	crowd_come(&many, filters);
	for (size_t i = 0; i < RUNS; i++) {
		ones[i] = run(one.hub, messages);
		manies[i] = run(many.hub, messages);
		ratios[i] = manies[i] / ones[i];
	}
	crowd_go(&one);
	crowd_go(&many);
	qsort(ones, RUNS, sizeof(ones[0]), by_value);
	qsort(manies, RUNS, sizeof(manies[0]), by_value);
	qsort(ratios, RUNS, sizeof(ratios[0]), by_value);
	if (delivered != 2 * RUNS * messages)
		return 1;
	(void)printf("%.1f %.1f %.2f\n", ones[RUNS / 2], manies[RUNS / 2], ratios[RUNS / 2]);

	return 0;
}
