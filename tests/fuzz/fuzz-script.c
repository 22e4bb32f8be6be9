/* SPDX-License-Identifier: Apache-2.0 */
/* A cloud that a file describes, and what it answers to whatever it is asked. */
#include <unistd.h>

#include "daemon/problems.h"
#include "sim/script.h"
#include "tests/fuzz/input.h"

#define REQUESTS_MAX 4
#define TEXT_MAX 8192

static void ask(struct sim_script *script, struct fuzz_input *in)
{
	struct sim_script_request request = {
		.method = fuzz_byte(in),
		.path = fuzz_text(in),
		.query = fuzz_text(in),
	};
	struct sim_script_reply reply;

	request.payload = fuzz_bytes(in, &request.payload_len);
	(void)sim_script_answer(script, &request, &reply);
	fuzz_require(reply.payload_len <= SIM_SCRIPT_PAYLOAD_MAX, "an answer is too long");
	(void)sim_script_changed(script, request.path, request.query, &reply);
	(void)sim_script_command(script, request.path, request.query);
}

void fuzz_target(struct fuzz_input *in)
{
	struct fuzz_input file = { 0 };
	struct sb_problems problems = { 0 };
	struct sim_script *script = NULL;
	const char *path;
	int fd;

	file.at = fuzz_bytes(in, &file.left);
	if (file.left > TEXT_MAX)
		return;
	fd = fuzz_file(&file, &path);
	if (sim_script_read(path, &problems, &script) == 0) {
		for (unsigned int i = 0; i < REQUESTS_MAX && in->left > 0; i++)
			ask(script, in);
		sim_script_rewind(script);
	}
	(void)sim_script_free(script);
	sb_problems_done(&problems);
	(void)close(fd);
}
