/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An attempt of a link: how far it came, and what is known of why it came no farther. It begins with a login
 * and ends when the link goes down, so it is also about the session that the login made. These are facts for
 * programs; the sentence for people is the link's StateReason.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Room for the name of a host, DNS and a zero byte. */
#define SB_ATTEMPT_HOST_MAX 256

/*
 * X(constant, word on the bus, what has ended it)
 *
 * The page about the D-Bus interface has these words, too.
 */
#define SB_TROUBLES(X)                                                                         \
	X(SB_TROUBLE_NONE, "none", "nothing: it is under way, or the link is online")          \
	X(SB_TROUBLE_NAME, "name", "the name of the host does not resolve")                    \
	X(SB_TROUBLE_ROUTE, "route", "the box has no route")                                   \
	X(SB_TROUBLE_INTERFACE, "interface", "the box does not have the link's interface")     \
	X(SB_TROUBLE_RIGHTS, "rights", "the kernel does not let the daemon choose it")         \
	X(SB_TROUBLE_DESCRIPTORS, "descriptors", "no session more is possible")                \
	X(SB_TROUBLE_PORT, "port", "the host says that nothing listens, or forbids it (ICMP)") \
	X(SB_TROUBLE_SILENCE, "silence", "nobody answered; \"answered\": at all, or any more") \
	X(SB_TROUBLE_HANDSHAKE, "handshake", "the DTLS handshake was refused")                 \
	X(SB_TROUBLE_CERTIFICATE, "certificate", "the host's certificate is not trusted")      \
	X(SB_TROUBLE_RESET, "reset", "the other side has ended the session")                   \
	X(SB_TROUBLE_REFUSAL, "refusal", "the cloud answered, with a refusal: \"code\"")       \
	X(SB_TROUBLE_HTTPS, "https", "an HTTPS request of the plugin got no answer")           \
	X(SB_TROUBLE_NETWORK, "network", "the box's network changed")                          \
	X(SB_TROUBLE_CONFIGURATION, "configuration", "the settings of the link")               \
	X(SB_TROUBLE_OTHER, "other", "something else: \"reason\"")

enum sb_trouble {
#define SB_TROUBLE_CONSTANT(constant, word, meaning) constant,
	SB_TROUBLES(SB_TROUBLE_CONSTANT)
#undef SB_TROUBLE_CONSTANT
};

struct sb_channel_ends;

/** struct sb_idle - how long a session may be silent, as seen in passing; µs */
struct sb_idle {
	uint64_t heard_at; /* loop's time: when anything came last; 0: nothing yet */
	uint64_t gap; /* the silence that ended with what is on its way; 0: nothing is */
	uint64_t
		suspect; /* the silence after which the last session was dead, until the next tells */
	uint64_t survived; /* the longest after which an answer came */
	uint64_t failed; /* the shortest after which none came, and a new session worked at once */
	unsigned int failures; /* how often that was so */
};

/** struct sb_attempt - one attempt; texts are "" while they are not known */
struct sb_attempt {
	int64_t began_ms; /* wall clock, milliseconds since 1970; 0: there was none */
	int64_t ended_ms; /* likewise; 0: under way, or online */
	uint32_t stage; /* how far it came, enum sb_link_state */
	enum sb_trouble trouble;
	uint32_t code; /* what the cloud answered, if that ended it; else 0 */
	uint32_t security; /* SKYBUS_PLAIN …; 0 while there was no session */
	uint16_t port;
	bool answered; /* anything has come back from the other side */
	char host[SB_ATTEMPT_HOST_MAX];
	struct sockaddr_storage peer; /* without family while the name is not resolved */
	struct sockaddr_storage local;
	char interface[16]; /* the only one to go through; "" for any */
	char handshake[32]; /* the last handshake message that came, as GnuTLS calls it */
	char alert[64]; /* the alert that came, likewise; libcoap 4.3.1 does not tell */
	char reason[320]; /* the sentence */
};

/** struct sb_attempts - those of a link; embedded in it */
struct sb_attempts {
	struct sb_attempt now;
	struct sb_attempt ended; /* the one before; began_ms 0: none */
	struct sb_idle idle;
};

const char *sb_trouble_word(enum sb_trouble trouble);
enum sb_trouble sb_trouble_of_outcome(uint32_t outcome);
enum sb_trouble sb_trouble_of_session(int error);

void sb_attempts_begin(struct sb_attempts *attempts, int64_t now_ms);
void sb_attempts_reach(struct sb_attempts *attempts, uint32_t stage);
void sb_attempts_note_ends(struct sb_attempts *attempts, const struct sb_channel_ends *ends);
void sb_attempts_note_trouble(struct sb_attempts *attempts, enum sb_trouble trouble);
void sb_attempts_end(struct sb_attempts *attempts, int64_t now_ms, const char *reason,
		     uint32_t code);

void sb_idle_begin(struct sb_idle *idle);
void sb_idle_on_sent(struct sb_idle *idle, uint64_t now);
void sb_idle_on_answer(struct sb_idle *idle, uint64_t now);
void sb_idle_on_end(struct sb_idle *idle, bool silent);
void sb_idle_on_online(struct sb_idle *idle);
