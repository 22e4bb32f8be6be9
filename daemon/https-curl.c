/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/https-curl.h"

/* The GnuTLS build, whose TLS library the daemon has in its memory anyway. */
#define LIBRARY "libcurl-gnutls.so.4"

static const struct {
	const char *name;
	size_t offset; /* in struct sb_curl */
} functions[] = {
#define FUNCTION_ROW(function) \
	{ .name = "curl_" #function, .offset = offsetof(struct sb_curl, function) },
	SB_CURL_FUNCTIONS(FUNCTION_ROW)
#undef FUNCTION_ROW
};

static int find_functions(void *library, struct sb_curl *ret, char *why, size_t size)
{
	for (size_t i = 0; i < SB_ELEMENTS(functions); i++) {
		void *function = dlsym(library, functions[i].name);

		if (!function) {
			(void)snprintf(why, size, LIBRARY " is too old: it has no %s",
				       functions[i].name);
			return -ENOTSUP;
		}
		memcpy((char *)ret + functions[i].offset, &function, sizeof(function));
	}

	return 0;
}

/**
 * sb_curl_load() - load libcurl
 * @curl: the table; filled on success, and then sb_curl_done() is due
 * @why: says what is wrong with the library, with -ENOTSUP
 * @size: of @why
 *
 * The library is never unloaded: a thread of its resolver may outlive the fetch that asked.
 *
 * Return: 0; -ENOTSUP when the box has no libcurl, or too old a one; -ENOMEM.
 */
int sb_curl_load(struct sb_curl *curl, char *why, size_t size)
{
	struct sb_curl found = { 0 };
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	int r;

	if (!library) {
		(void)snprintf(why, size, "%s", dlerror());
		return -ENOTSUP;
	}
	r = find_functions(library, &found, why, size);
	if (r < 0)
		return r;
	if (found.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	*curl = found;

	return 0;
}

/**
 * sb_curl_done() - let libcurl free what it holds
 * @curl: loaded or not; nothing of it is in use any more
 */
void sb_curl_done(struct sb_curl *curl)
{
	if (curl->global_cleanup)
		curl->global_cleanup();
	*curl = (struct sb_curl){ 0 };
}
