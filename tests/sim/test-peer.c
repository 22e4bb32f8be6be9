/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/peer.h"

#define BLOCK1 27

/** EXCHANGE_LIFETIME, RFC 7252 section 4.8.2 */
#define LIFETIME (247 * SIM_USEC_PER_SEC)

struct fixture {
	struct sim_peer *peer;
	struct sim_reply *reply;
};

static int setup(void **state)
{
	static struct fixture fixture;

	fixture.peer = sim_peer_new("127.0.0.1:40000");
	fixture.reply = sim_reply_new();
	*state = &fixture;

	return fixture.peer && fixture.reply ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	fixture->peer = sim_peer_free(fixture->peer);
	fixture->reply = sim_reply_free(fixture->reply);

	return 0;
}

static void test_repetition_gets_the_same_reply(void **state)
{
	const struct sim_message_id id = { .mid = 7, .token_len = 2, .token = { 1, 2 } };
	const struct sim_message_id other_mid = { .mid = 8, .token_len = 2, .token = { 1, 2 } };
	const struct sim_message_id other_token = { .mid = 7, .token_len = 2, .token = { 1, 3 } };
	struct fixture *fixture = *state;
	const struct sim_reply *kept;
	const uint8_t *payload;
	size_t len;

	assert_null(sim_peer_reply(fixture->peer, &id, 0));
	fixture->reply->code = SIM_CODE(2, 4);
	assert_int_equal(sim_reply_add(fixture->reply, 2100, "/topic", 6), 0);
	assert_int_equal(sim_reply_add(fixture->reply, SIM_REPLY_PAYLOAD, "{}", 2), 0);
	sim_peer_keep(fixture->peer, &id, fixture->reply, 10);

	kept = sim_peer_reply(fixture->peer, &id, 10 + LIFETIME - 1);
	assert_non_null(kept);
	assert_int_equal(kept->code, SIM_CODE(2, 4));
	payload = sim_reply_find(kept, SIM_REPLY_PAYLOAD, &len);
	assert_int_equal(len, 2);
	assert_memory_equal(payload, "{}", 2);

	assert_null(sim_peer_reply(fixture->peer, &other_mid, 11));
	assert_null(sim_peer_reply(fixture->peer, &other_token, 11));
	assert_null(sim_peer_reply(fixture->peer, &id, 10 + LIFETIME));
}

static void test_oldest_reply_is_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct sim_message_id id = { 0 };
	size_t kept = 0;

	for (id.mid = 0; id.mid < 5000; id.mid++)
		sim_peer_keep(fixture->peer, &id, fixture->reply, 0);
	for (id.mid = 5000 - 4096; id.mid < 5000; id.mid++)
		kept += sim_peer_reply(fixture->peer, &id, 0) ? 1 : 0;
	assert_int_equal(kept, 4096);
	id.mid = 5000 - 4096 - 1;
	assert_null(sim_peer_reply(fixture->peer, &id, 0));
}

static void test_reply_has_bounds(void **state)
{
	static const uint8_t large[SIM_REPLY_BYTES + 1];
	struct fixture *fixture = *state;

	assert_true(sim_reply_add(fixture->reply, SIM_REPLY_PAYLOAD, large, sizeof(large)) < 0);
	assert_int_equal(sim_reply_add(fixture->reply, 1, large, SIM_REPLY_BYTES), 0);
	assert_true(sim_reply_add(fixture->reply, 2, large, 1) < 0);
	for (uint16_t i = 1; i < SIM_REPLY_PARTS; i++)
		assert_int_equal(sim_reply_add(fixture->reply, i, large, 0), 0);
	assert_true(sim_reply_add(fixture->reply, 9, large, 0) < 0);
}

/* One block; @block is the option's value: number, whether more follow, the size's exponent. */
static uint8_t join(struct sim_peer *peer, const char *path, uint8_t block, size_t len,
		    size_t *ret_len)
{
	static const uint8_t data[2048];
	const struct sim_option option = { .number = BLOCK1, .len = 1, .value = &block };
	struct sim_request request = {
		.path = path,
		.options = &option,
		.n_options = 1,
		.payload = data,
		.payload_len = len,
	};
	uint8_t code = sim_peer_join(peer, &request);

	*ret_len = request.payload_len;

	return code;
}

#define MORE 8
#define SIZE_256 4
#define SIZE_1024 6

static uint8_t block(unsigned int number, unsigned int more, unsigned int size)
{
	return (uint8_t)(number << 4 | more | size);
}

static void test_blocks_are_joined(void **state)
{
	struct fixture *fixture = *state;
	struct sim_peer *peer = fixture->peer;
	size_t len;

	assert_int_equal(join(peer, "/a", block(0, MORE, SIZE_256), 256, &len), SIM_CODE(2, 31));
	assert_int_equal(join(peer, "/a", block(1, MORE, SIZE_256), 256, &len), SIM_CODE(2, 31));
	assert_int_equal(join(peer, "/a", block(2, 0, SIZE_256), 10, &len), 0);
	assert_int_equal(len, 522);

	assert_int_equal(join(peer, "/a", block(0, 0, SIZE_1024), 1024, &len), 0);
	assert_int_equal(len, 1024);
}

static void test_block_out_of_order(void **state)
{
	struct fixture *fixture = *state;
	struct sim_peer *peer = fixture->peer;
	size_t len;

	assert_int_equal(join(peer, "/a", block(1, 0, SIZE_256), 10, &len), SIM_CODE(4, 8));
	assert_int_equal(join(peer, "/a", block(0, MORE, SIZE_256), 256, &len), SIM_CODE(2, 31));
	assert_int_equal(join(peer, "/a", block(2, 0, SIZE_256), 10, &len), SIM_CODE(4, 8));
	assert_int_equal(join(peer, "/b", block(1, 0, SIZE_256), 10, &len), SIM_CODE(4, 8));
	assert_int_equal(join(peer, "/a", block(0, 0, SIZE_256), 10, &len), 0);
	assert_int_equal(len, 10);
}

static void test_block_cannot_be(void **state)
{
	struct fixture *fixture = *state;
	struct sim_peer *peer = fixture->peer;
	size_t len;

	assert_int_equal(join(peer, "/a", block(0, MORE, SIZE_256), 255, &len), SIM_CODE(4, 0));
	assert_int_equal(join(peer, "/a", block(0, 0, SIZE_256), 257, &len), SIM_CODE(4, 0));
	assert_int_equal(join(peer, "/a", block(0, 0, 7), 10, &len), SIM_CODE(4, 0));
}

static void test_too_large(void **state)
{
	struct fixture *fixture = *state;
	struct sim_peer *peer = fixture->peer;
	struct sim_request whole = {
		.path = "/a",
		.payload = (const uint8_t *)"",
		.payload_len = SIM_PAYLOAD_MAX,
	};
	size_t len;

	assert_int_equal(join(peer, "/a", block(0, MORE, SIZE_1024), 1024, &len), SIM_CODE(2, 31));
	assert_int_equal(join(peer, "/a", block(1, 0, SIZE_1024), 1, &len), SIM_CODE(4, 13));
	assert_int_equal(sim_peer_join(peer, &whole), 0);
	whole.payload_len++;
	assert_int_equal(sim_peer_join(peer, &whole), SIM_CODE(4, 13));
}

#define PEER_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PEER_TEST(test_repetition_gets_the_same_reply),
		PEER_TEST(test_oldest_reply_is_forgotten),
		PEER_TEST(test_reply_has_bounds),
		PEER_TEST(test_blocks_are_joined),
		PEER_TEST(test_block_out_of_order),
		PEER_TEST(test_block_cannot_be),
		PEER_TEST(test_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
