/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * libcurl, loaded when it is first needed. Its header gives the types at build time; at run time its
 * functions are called through this table.
 */
#include <curl/curl.h>

/* X(name without "curl_") */
#define SB_CURL_FUNCTIONS(X)   \
	X(easy_cleanup)        \
	X(easy_getinfo)        \
	X(easy_header)         \
	X(easy_init)           \
	X(easy_setopt)         \
	X(easy_strerror)       \
	X(free)                \
	X(global_cleanup)      \
	X(global_init)         \
	X(multi_add_handle)    \
	X(multi_assign)        \
	X(multi_cleanup)       \
	X(multi_info_read)     \
	X(multi_init)          \
	X(multi_remove_handle) \
	X(multi_setopt)        \
	X(multi_socket_action) \
	X(slist_append)        \
	X(slist_free_all)      \
	X(url)                 \
	X(url_cleanup)         \
	X(url_get)             \
	X(url_set)

/** struct sb_curl - the functions; all NULL until they are loaded */
struct sb_curl {
#define SB_CURL_MEMBER(name) __typeof__(curl_##name) *name;
	SB_CURL_FUNCTIONS(SB_CURL_MEMBER)
#undef SB_CURL_MEMBER
};

int sb_curl_load(struct sb_curl *curl, char *why, size_t size);
void sb_curl_done(struct sb_curl *curl);
