/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The bytes of a fuzzer, taken apart: each target asks for numbers, texts and bytes until there are no more, from
 * where on all is 0 or empty. What is handed out is lent.
 */
#include <stddef.h>
#include <stdint.h>

/** struct fuzz_input - what is left of the bytes; they are writable, and a zero follows them */
struct fuzz_input {
	uint8_t *at;
	size_t left;
};

/**
 * fuzz_target() - what is tried; each target defines it
 * @in: the bytes, in memory of their own
 *
 * Calls abort() for what should not be. Whatever it sets up for these bytes is gone when it returns.
 */
void fuzz_target(struct fuzz_input *in);

uint8_t fuzz_byte(struct fuzz_input *in);
uint32_t fuzz_number(struct fuzz_input *in);
size_t fuzz_pick(struct fuzz_input *in, size_t n);
char *fuzz_text(struct fuzz_input *in);
uint8_t *fuzz_bytes(struct fuzz_input *in, size_t *ret_len);

void fuzz_require(int holds, const char *sentence);

int fuzz_file(const struct fuzz_input *in, const char **ret_path);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
