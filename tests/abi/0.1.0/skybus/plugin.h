/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Skybus plugin ABI, version 1.
 *
 * A plugin knows the rules of one cloud and nothing else: how to log in, how a topic becomes a CoAP
 * request, what a reply means. It never blocks, opens no socket, reads no clock, starts no thread and
 * touches no file; the daemon does that and lends it through struct skybus_host. All calls come on one
 * thread. A plugin keeps no static data: what it remembers hangs on the state that attach() returned,
 * so one shared object serves any number of links.
 *
 * A plugin exports one symbol, skybus_plugin_v1, a const struct skybus_plugin. The symbol's name is the
 * major version. Structs that cross the border begin with their size in bytes, set by the side that
 * allocates them, and grow at the end only: a field is there if it lies within that size
 * (SKYBUS_HAS). No field is an enum, a bool or a bit-field; each has the same width on every machine,
 * pointers apart.
 *
 * Text is UTF-8 and ends with a zero byte. Whoever lends a pointer keeps it: it is valid until the
 * call (or the completion) that carried it returns, unless said otherwise.
 *
 * Calls that can fail return 0 or a negative errno value.
 */
#ifndef SKYBUS_PLUGIN_H
#define SKYBUS_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Whether @field lies within the size that the other side gave @object. */
#define SKYBUS_HAS(object, field) \
	((object)->size >= offsetof(__typeof__(*(object)), field) + sizeof((object)->field))

/** Put before the descriptor, which is the one symbol that a plugin exports. */
#define SKYBUS_EXPORT __attribute__((visibility("default")))

/* ---- 1. Settings: a table from which the daemon parses, checks and documents ------------------ */

enum {
	SKYBUS_TEXT = 1, /* min and max bound the length in bytes */
	SKYBUS_INTEGER = 2,
	SKYBUS_BOOLEAN = 3, /* yes or no */
	SKYBUS_SECRET = 4, /* never printed; may come from a credential or a file */
	SKYBUS_DURATION = 5, /* 90, 90s, 15m, 1h, 1h30m, 7d; in seconds */
	SKYBUS_SIZE = 6, /* 512, 64K, 5M, 1G; in bytes */
	SKYBUS_CHOICE = 7, /* one of choices */
	SKYBUS_PORT = 8, /* 1 to 65535 */
	SKYBUS_HOST = 9, /* a name or a numeric address */
	SKYBUS_FILE = 10, /* a whole path; setting_secret() lends the file's bytes */
	SKYBUS_NETWORKS = 11, /* "10.0.0.0/8 fd00::/8", at most 16, for listen() */
};

/* Flags of a setting. */
enum {
	SKYBUS_REQUIRED = 1u << 0,
};

/**
 * struct skybus_setting - one row of a plugin's settings
 * @key: the name in the configuration, [a-z][a-z0-9_]*
 * @kind: SKYBUS_TEXT …
 * @flags: SKYBUS_REQUIRED …
 * @fallback: the default, written as one would in the configuration; NULL for none
 * @min, @max: the bounds, in the kind's unit; both 0 for none beyond the kind's own
 * @choices: for SKYBUS_CHOICE, "one|two|three"
 * @help: one sentence for people
 *
 * This struct never changes in version 1.
 */
struct skybus_setting {
	const char *key;
	uint32_t kind;
	uint32_t flags;
	const char *fallback;
	int64_t min;
	int64_t max;
	const char *choices;
	const char *help;
};

/* ---- 2. What passes between the two: messages, requests, replies, verdicts -------------------- */

struct skybus_link; /* the daemon's; a handle to one link */
struct skybus_request; /* the daemon's; a CoAP request that is being filled */
struct skybus_response; /* the daemon's; what the cloud is told, while it is being filled */

/* CoAP methods, RFC 7252 section 5.8, RFC 8132. */
enum {
	SKYBUS_GET = 1,
	SKYBUS_POST = 2,
	SKYBUS_PUT = 3,
	SKYBUS_DELETE = 4,
	SKYBUS_FETCH = 5,
	SKYBUS_PATCH = 6,
};

/** A CoAP code as one byte, RFC 7252 section 3: SKYBUS_CODE(2, 4) is 2.04. */
#define SKYBUS_CODE(class, detail) (((uint32_t)(class) << 5) | (uint32_t)(detail))

/** The class of a CoAP code: 2, 4 or 5 in a reply. */
#define SKYBUS_CODE_CLASS(code) ((code) >> 5)

/* Content-Formats, RFC 7252 section 12.3, RFC 8949 section 9.1. */
enum {
	SKYBUS_FORMAT_TEXT = 0,
	SKYBUS_FORMAT_BYTES = 42,
	SKYBUS_FORMAT_JSON = 50,
	SKYBUS_FORMAT_CBOR = 60,
};

/** No Content-Format given. */
#define SKYBUS_NO_FORMAT UINT32_MAX

/**
 * struct skybus_message - what an app published
 * @size: of this struct
 * @payload_len: in bytes
 * @ticket: the message's number, for ever; 0 for a request that is not stored
 * @topic: as the app gave it
 * @payload: may be NULL when @payload_len is 0
 * @time_ms: when the daemon took it, wall clock, milliseconds since 1970; 0 when the box does not know the
 *	time: leave it out
 * @content_format: SKYBUS_FORMAT_… or SKYBUS_NO_FORMAT
 * @flags: none yet
 *
 * This struct never changes in version 1, for gather() lends several in a row.
 */
struct skybus_message {
	uint32_t size;
	uint32_t payload_len;
	uint64_t ticket;
	const char *topic;
	const uint8_t *payload;
	int64_t time_ms;
	uint32_t content_format;
	uint32_t flags;
};

/** One CoAP option of a reply. Never changes in version 1. */
struct skybus_option {
	uint32_t number;
	uint32_t len;
	const uint8_t *value;
};

/* How a request ended. */
enum {
	SKYBUS_ANSWERED = 1, /* code, payload and options are the cloud's */
	SKYBUS_TIMEOUT = 2, /* no answer, after every retransmission or the given time */
	SKYBUS_RESET = 3, /* the cloud answered with a Reset: it knows nothing of this session */
	SKYBUS_UNREACHABLE = 4, /* the network says that nobody is there */
	SKYBUS_ABANDONED = 5, /* it could not be sent, or the session failed under it */
};

/**
 * struct skybus_reply - what became of a request
 * @size: of this struct
 * @outcome: SKYBUS_ANSWERED …; the other fields but @note count only then
 * @code: SKYBUS_CODE(class, detail)
 * @content_format: or SKYBUS_NO_FORMAT
 * @max_age: in seconds, UINT32_MAX when the reply carried none
 * @payload_len: in bytes; block-wise replies come whole
 * @payload: may be NULL when @payload_len is 0
 * @note: what request_note() was told, else 0
 * @options: every option of the reply, in ascending order
 * @n_options: how many
 * @observed: 1 when more may come, see host->observe(); else 0
 */
struct skybus_reply {
	uint32_t size;
	uint32_t outcome;
	uint32_t code;
	uint32_t content_format;
	uint32_t max_age;
	uint32_t payload_len;
	const uint8_t *payload;
	uint64_t note;
	const struct skybus_option *options;
	uint32_t n_options;
	uint32_t observed;
};

/* Verdicts over a message. */
enum {
	SKYBUS_DELIVERED = 1, /* the cloud has it */
	SKYBUS_RETRY = 2, /* the same message again, after retry_after_ms */
	SKYBUS_RELOGIN = 3, /* log in again, then the same message again */
	SKYBUS_REJECTED = 4, /* the cloud will never take it */
};

/**
 * struct skybus_verdict - what a reply means for its message
 * @size: of this struct
 * @kind: SKYBUS_DELIVERED …
 * @retry_after_ms: with SKYBUS_RETRY; 0 leaves the delay to the daemon's back-off
 * @reserved: 0
 * @reason: for people, and never with a secret in it; may stay empty with SKYBUS_DELIVERED
 */
struct skybus_verdict {
	uint32_t size;
	uint32_t kind;
	uint32_t retry_after_ms;
	uint32_t reserved;
	char reason[192];
};

/* Kinds of a session's security. */
enum {
	SKYBUS_PLAIN = 1, /* CoAP over UDP */
	SKYBUS_PSK = 2, /* CoAP over DTLS with a pre-shared key */
	SKYBUS_CERTIFICATE = 3, /* CoAP over DTLS; the server shows a certificate, we show none */
};

/**
 * struct skybus_session - which session to open
 * @size: of this struct
 * @security: SKYBUS_PLAIN …
 * @host: name or numeric address
 * @port: UDP port
 * @identity_len, @key_len: in bytes, with SKYBUS_PSK
 * @identity, @key: copied before open_session() returns
 * @trust_len: bytes of @trust, with SKYBUS_CERTIFICATE
 * @trust: PEM, roots that are trusted beside the system's; copied; may be NULL
 * @server_name: with SKYBUS_CERTIFICATE, the name that is asked for (SNI) and that the certificate must
 *	hold; NULL for @host
 */
struct skybus_session {
	uint32_t size;
	uint32_t security;
	const char *host;
	uint32_t port;
	uint32_t identity_len;
	const uint8_t *identity;
	const uint8_t *key;
	uint32_t key_len;
	uint32_t trust_len;
	const uint8_t *trust;
	const char *server_name;
};

/**
 * struct skybus_terms - on which terms the cloud has let us in
 * @size: of this struct
 * @expires_s: the login ends after so many seconds whatever happens, and the daemon logs in again
 *	before; 0 for never
 * @keepalive_s: after so many seconds without an answer from the cloud keepalive() is called; 0 for never
 * @window: at most so many requests with messages may be on their way at once; 0 leaves it to the daemon
 * @batch_s: a message may wait so many seconds for others that go in the same request, see gather(); 0 sends
 *	each in a request of its own
 */
struct skybus_terms {
	uint32_t size;
	uint32_t expires_s;
	uint32_t keepalive_s;
	uint32_t window;
	uint32_t batch_s;
};

/* Flags of a command. */
enum {
	SKYBUS_ANSWERABLE = 1u << 0, /* an app may answer it: answer() is then called */
};

/**
 * struct skybus_command - what the cloud sent for the apps of this box
 * @size: of this struct
 * @payload_len: in bytes
 * @topic: apps subscribe to it
 * @payload: may be NULL when @payload_len is 0
 * @content_format: or SKYBUS_NO_FORMAT
 * @flags: SKYBUS_ANSWERABLE
 * @context: what answer() needs of it, for example the cloud's own number; copied, at most 1024 bytes;
 *	may be NULL when @context_len is 0
 * @context_len: in bytes
 * @answer_s: how long the cloud waits for an answer, in seconds; 0 leaves it to the daemon (60)
 * @otherwise: of an answerable command that came in a reply, the code that answer() is given, without
 *	payload, when no app answers: at once if none has subscribed in order to, else when the time is over;
 *	copied. NULL: nothing is answered then
 */
struct skybus_command {
	uint32_t size;
	uint32_t payload_len;
	const char *topic;
	const uint8_t *payload;
	uint32_t content_format;
	uint32_t flags;
	const uint8_t *context;
	uint32_t context_len;
	uint32_t answer_s;
	const char *otherwise;
};

/**
 * struct skybus_incoming - a request from the cloud; repetitions of the last 256 do not come here
 * @size: of this struct
 * @method: SKYBUS_GET … or any other CoAP method
 * @path: "/a/b"; "/" for none
 * @query: "a=1&b=2"; "" for none
 * @from: the sender, "10.64.0.1:40000"
 * @payload: may be NULL when @payload_len is 0
 * @payload_len: in bytes
 * @content_format: or SKYBUS_NO_FORMAT
 */
struct skybus_incoming {
	uint32_t size;
	uint32_t method;
	const char *path;
	const char *query;
	const char *from;
	const uint8_t *payload;
	uint32_t payload_len;
	uint32_t content_format;
};

/**
 * struct skybus_answer - what an app answers to a command
 * @size: of this struct
 * @payload_len: in bytes
 * @topic, @context, @context_len: the command's
 * @code: "" for success; otherwise in the cloud's own words, for example "4.04" or "1202"
 * @payload: may be NULL when @payload_len is 0
 * @served: whether serve() delivered the command, and the response goes to whoever waits there
 */
struct skybus_answer {
	uint32_t size;
	uint32_t payload_len;
	const char *topic;
	const char *code;
	const uint8_t *payload;
	const uint8_t *context;
	uint32_t context_len;
	uint32_t served;
};

/**
 * struct skybus_listen - requests from the cloud
 * @size: of this struct
 * @port: UDP, plain CoAP
 * @from: only from these networks, as SKYBUS_NETWORKS; NULL from everywhere
 */
struct skybus_listen {
	uint32_t size;
	uint32_t port;
	const char *from;
};

/**
 * struct skybus_fetch - an HTTPS GET; everything is copied
 * @size: of this struct
 * @timeout_ms: 0 for 30 s
 * @url: "https://…"; redirections are not followed
 * @accept: the header of that name; NULL for none
 * @range: "0-99", bytes; NULL for all
 * @trust: PEM, the roots that are trusted instead of the system's; may be NULL
 * @trust_len: in bytes
 * @max_len: the most bytes that are taken; 0 for 65536
 */
struct skybus_fetch {
	uint32_t size;
	uint32_t timeout_ms;
	const char *url;
	const char *accept;
	const char *range;
	const uint8_t *trust;
	uint32_t trust_len;
	uint32_t max_len;
};

/**
 * struct skybus_fetched - what became of it
 * @size: of this struct
 * @status: HTTP's, 200; 0 when there was no answer
 * @content_type: "application/json"; "" for none
 * @content_range: "bytes 0-99/120"; "" for none
 * @body: @body_len bytes; zero follows, so that text ends
 * @reason: without an answer, a sentence for people; else ""
 * @body_len: in bytes
 * @reserved: 0
 */
struct skybus_fetched {
	uint32_t size;
	uint32_t status;
	const char *content_type;
	const char *content_range;
	const uint8_t *body;
	const char *reason;
	uint32_t body_len;
	uint32_t reserved;
};

/* Why a login failed. */
enum {
	SKYBUS_TRANSIENT = 1, /* may work later: time-out, server error */
	SKYBUS_CREDENTIALS = 2, /* the cloud refused who we say we are */
	SKYBUS_CONFIGURATION = 3, /* only a person can mend it */
};

/*
 * Levels of log(). Nothing that happens once a message goes above SKYBUS_LOG_DEBUG. Of other lines the daemon takes
 * some within an hour for what they are, and the rest for SKYBUS_LOG_DEBUG.
 */
enum {
	SKYBUS_LOG_ERROR = 3,
	SKYBUS_LOG_WARNING = 4,
	SKYBUS_LOG_NOTICE = 5,
	SKYBUS_LOG_INFO = 6,
	SKYBUS_LOG_DEBUG = 7,
};

/* ---- 3. What the daemon lends ----------------------------------------------------------------- */

/**
 * A session was opened, or was not.
 * @state: what attach() returned
 * @tag: what open_session() was given
 * @outcome: 0; -EHOSTUNREACH (name or route), -ETIMEDOUT (no answer), -ECONNREFUSED (nobody listens),
 *	-EKEYREJECTED (the handshake was refused), -EBADMSG (the server's certificate is not to be
 *	trusted), -ENODEV (the network interface that the link is bound to is not there), or another
 *	negative errno
 * @reason: a sentence for people, with host and port; "" on success
 */
typedef void skybus_opened_fn(void *state, void *tag, int32_t outcome, const char *reason);

/** A request ended, or an observation has brought something. @reply is lent until this returns. */
typedef void skybus_replied_fn(void *state, void *tag, const struct skybus_reply *reply);

/** A fetch ended. @fetched is lent until this returns. */
typedef void skybus_fetched_fn(void *state, void *tag, const struct skybus_fetched *fetched);

/** A timer ran out. */
typedef void skybus_timer_fn(void *state, void *tag);

/** What store_put() or store_remove() was asked is on disk (@error 0), or could not be written. */
typedef void skybus_stored_fn(void *state, void *tag, int32_t error);

/**
 * struct skybus_host - the daemon's services
 *
 * After detach() began, nothing of a link may be called any more, and no completion comes.
 * A completion never comes before the call that asked for it has returned. Requests end without a
 * completion when their session is closed, by open_session() or because the daemon takes the link down,
 * and when login() is called anew; so do observations. Timers run on. At a login the session of the one before may be open
 * still: requests may go over it, and open_session() replaces it.
 *
 * Bounds of one link: 16 timers, 8 observations and 4 fetches at a time; 64 values in store_put(), each with a key of
 * 1 to 64 bytes and at most 4096 bytes of data; 64 KiB of payload in a request. What is beyond returns
 * -ENOSPC, -EINVAL or -EMSGSIZE.
 */
struct skybus_host {
	uint32_t size;
	uint32_t reserved;

	/* -- the link's settings; valid from attach() to detach() -- */

	/** TEXT, CHOICE, HOST, NETWORKS settings; NULL when not set and without default. Lent until detach(). */
	const char *(*setting_text)(struct skybus_link *link, const char *key);
	/** INTEGER, BOOLEAN (0, 1), DURATION (s), SIZE (bytes) and PORT; 0 when not set. */
	int64_t (*setting_integer)(struct skybus_link *link, const char *key);
	/** SECRET and FILE settings: NULL when not set. Lent until detach(); copies are the plugin's to wipe. */
	const uint8_t *(*setting_secret)(struct skybus_link *link, const char *key,
					 uint32_t *ret_len);

	/** One line for the journal; the daemon adds the link's name. Never a secret in it. */
	void (*log)(struct skybus_link *link, uint32_t level, const char *text);

	/* -- filling a request; a failure (no memory, too large) is remembered and told at the end -- */

	/** SKYBUS_POST unless called. */
	void (*request_method)(struct skybus_request *request, uint32_t method);
	/** "/a/b" becomes the Uri-Path options a, b; empty segments are left out. Replaces the path. */
	void (*request_path)(struct skybus_request *request, const char *path);
	/** Adds one Uri-Query option, "key=value". */
	void (*request_query)(struct skybus_request *request, const char *query);
	/** Adds any other option. @value is copied. */
	void (*request_option)(struct skybus_request *request, uint32_t number, const void *value,
			       uint32_t len);
	/** Sets an option whose value is an unsigned integer (Content-Format 12, Accept 17 …). */
	void (*request_uint)(struct skybus_request *request, uint32_t number, uint32_t value);
	/** Replaces the payload; @data is copied. In encode() it begins as the message's. */
	void (*request_payload)(struct skybus_request *request, const void *data, uint32_t len);
	/** A number of the plugin's own that comes back in the reply. */
	void (*request_note)(struct skybus_request *request, uint64_t note);

	/* -- talking to the cloud -- */

	/**
	 * Resolves, connects and (not with SKYBUS_PLAIN) shakes hands. A session that the link had is
	 * closed first. Returns -EINVAL for parameters that make no sense, -EBUSY outside of a login;
	 * @done is not called then.
	 */
	int32_t (*open_session)(struct skybus_link *link, const struct skybus_session *session,
				skybus_opened_fn *done, void *tag);
	/** An empty request, to be given to send_request() or free_request(). NULL: no memory. */
	struct skybus_request *(*new_request)(struct skybus_link *link);
	void (*free_request)(struct skybus_request *request);
	/**
	 * Sends a request of the plugin's own (login, fetching a command) over the open session and
	 * takes it over, also when it fails. @timeout_ms is for the answer; 0 means the daemon's 30 s.
	 * Returns -ENOTCONN without a session, or what went wrong while filling; @done is not called then.
	 */
	int32_t (*send_request)(struct skybus_request *request, uint32_t timeout_ms,
				skybus_replied_fn *done, void *tag);

	/**
	 * One HTTPS GET, part of a login: it is forgotten when the next login begins, or the link goes
	 * down. Returns -EINVAL for a URL that is none, -EBUSY outside of a login, -ENOTSUP when the box
	 * has no HTTPS library; @done is not called then.
	 */
	int32_t (*fetch)(struct skybus_link *link, const struct skybus_fetch *fetch,
			 skybus_fetched_fn *done, void *tag);

	/**
	 * Takes requests from the cloud; they come to serve(). Best called in login(): it lasts over
	 * logins and failures, until somebody disconnects the link or removes it. A link listens at one
	 * port: a second call with the same terms changes nothing, with others it moves. Returns
	 * -EADDRINUSE, -ENODEV (the link's interface is not there), -EINVAL, -EACCES; -ENOTSUP without
	 * serve(), -EBUSY in attach(), in serve(), in answer() and while the link is disconnected. On
	 * failure of a move the link listens nowhere.
	 */
	int32_t (*listen)(struct skybus_link *link, const struct skybus_listen *listen);

	/** Calls @done once after @ms milliseconds. Returns a handle > 0, or a negative errno. */
	int64_t (*timer_start)(struct skybus_link *link, uint32_t ms, skybus_timer_fn *done,
			       void *tag);
	/** A handle that has run out is ignored. */
	void (*timer_stop)(struct skybus_link *link, int64_t handle);

	/* -- how the login ended; exactly one of the two, once for each login() -- */

	/** The link is ready for messages. @terms is copied. */
	void (*online)(struct skybus_link *link, const struct skybus_terms *terms);
	/**
	 * The login failed. @kind: SKYBUS_TRANSIENT …. @reason: a sentence for people; NULL when a request
	 * got no answer, and the daemon says what the network did. @wait_s: the cloud's own rule says not
	 * to try before so many seconds; 0 leaves it to the daemon's back-off.
	 */
	void (*failed)(struct skybus_link *link, uint32_t kind, const char *reason,
		       uint32_t wait_s);

	/* -- commands -- */

	/**
	 * Hands a command to the apps. Returns how many subscriptions match it; -EINVAL without a topic,
	 * for one that is longer than 512 bytes or has control characters in it, or for too long a
	 * context; -ENOMEM. SKYBUS_ANSWERABLE is ignored when there is no answer(), for a second command of one
	 * serve(), and while 64 commands of the link wait for an answer.
	 */
	int32_t (*deliver)(struct skybus_link *link, const struct skybus_command *command);

	/* -- filling a response -- */

	/** In serve(), or in answer() to what was served: SKYBUS_CODE(class, detail), 2, 4 or 5. */
	void (*response_code)(struct skybus_response *response, uint32_t code);
	/** The payload, @data is copied; @content_format may be SKYBUS_NO_FORMAT. */
	void (*response_payload)(struct skybus_response *response, uint32_t content_format,
				 const void *data, uint32_t len);
	/** In answer() to what came in a reply: the answer is a message of its own, on this topic. */
	void (*response_topic)(struct skybus_response *response, const char *topic);

	/* -- memory that survives a restart, per link; for tokens, keys, counters. Keys that begin with a dot
	 *    are the daemon's: NULL, -EINVAL -- */

	/** The value last put, or NULL. Lent until the next store call for this link. */
	const uint8_t *(*store_get)(struct skybus_link *link, const char *key, uint32_t *ret_len);
	/** Visible to store_get() at once; @done (may be NULL) comes when it is on disk. */
	int32_t (*store_put)(struct skybus_link *link, const char *key, const void *data,
			     uint32_t len, skybus_stored_fn *done, void *tag);
	int32_t (*store_remove)(struct skybus_link *link, const char *key, skybus_stored_fn *done,
				void *tag);

	/* -- what came later: ask SKYBUS_HAS(host, …) -- */

	/**
	 * Observes a resource, RFC 7641: as send_request() with a GET or a FETCH, to which the daemon adds
	 * Observe. @notified comes with the first reply, for which @timeout_ms is, and with each newer one. It
	 * is a state, not an event: some between may be left out, and what is known may come again.
	 * While reply->observed is 1 more may come. With 0 it is over: an error, a cloud that does not let
	 * this be observed, or an outcome other than SKYBUS_ANSWERED. It is over without a word when
	 * login() is called anew, so observe in a login, or after it. A cloud that has forgotten it falls
	 * silent; when reply->max_age (60 s if there is none) is over, or a keepalive tells, stop it and
	 * observe anew. Everything may be called in @notified, observe_stop() of itself too. Returns a
	 * handle > 0; -EINVAL for another method or without @notified, -ENOSPC for more than 8, or what
	 * send_request() returns, and @notified is not called then.
	 */
	int64_t (*observe)(struct skybus_request *request, uint32_t timeout_ms,
			   skybus_replied_fn *notified, void *tag);
	/** @notified comes no more, and the cloud is told so. A handle that is over is ignored. */
	void (*observe_stop)(struct skybus_link *link, int64_t handle);
};

/* ---- 4. What a plugin implements -------------------------------------------------------------- */

/**
 * struct skybus_plugin - the descriptor, exported as skybus_plugin_v1
 *
 * attach, detach, login, encode and decide must be there; the others may be NULL.
 */
struct skybus_plugin {
	uint32_t size;
	uint32_t n_settings;
	/** The name in the configuration and of the file, [a-z0-9][a-z0-9-]*. */
	const char *name;
	const char *version;
	/** One sentence for people. */
	const char *summary;
	const struct skybus_setting *settings;

	/**
	 * A link comes. The settings have passed the table; say here what the table cannot.
	 * On success *ret_state is handed to every other call until detach(). On failure (a negative
	 * errno) nothing stays, and why->reason says what to write instead.
	 */
	int32_t (*attach)(const struct skybus_host *host, struct skybus_link *link,
			  void **ret_state, struct skybus_verdict *why);
	/** The link goes. Frees @state and wipes its secrets. */
	void (*detach)(void *state);

	/** The link should come up: end with host->online() or host->failed(), now or later. */
	void (*login)(void *state);

	/**
	 * A message is due. @request begins as a POST with the message's payload, its Content-Format if
	 * the app gave one, and no path. Pure: a message may be encoded again after a crash or a new
	 * login. Returns 0 to send it; otherwise a negative errno, and @verdict (which begins as
	 * SKYBUS_REJECTED) is carried out.
	 */
	int32_t (*encode)(void *state, const struct skybus_message *message,
			  struct skybus_request *request, struct skybus_verdict *verdict);

	/**
	 * The reply to a message, or to a keepalive (@message is NULL then). Fills @verdict, which begins
	 * as SKYBUS_RETRY. Replies with another outcome than SKYBUS_ANSWERED do not come here: the daemon
	 * deals with silence.
	 */
	void (*decide)(void *state, const struct skybus_message *message,
		       const struct skybus_reply *reply, struct skybus_verdict *verdict);

	/* -- optional -- */

	/**
	 * Could the cloud ever take this message? Asked before it is stored, also while the link is
	 * down. Returns 0, -EINVAL (the topic) or -EMSGSIZE (the payload), with why->reason.
	 */
	int32_t (*accept)(void *state, const struct skybus_message *message,
			  struct skybus_verdict *why);

	/** Nothing came from the cloud for the period given to online(): a request that keeps the session. */
	int32_t (*keepalive)(void *state, struct skybus_request *request);

	/**
	 * The cloud asks something of this box, see host->listen(). deliver() what the apps should hear, and
	 * fill @response, which begins as 5.01. It goes out when what was delivered is on disk for those
	 * apps that want that; 5.03 goes instead if that fails and no other app has it. If an app has subscribed in order to answer what was
	 * delivered as SKYBUS_ANSWERABLE, @response waits: answer() makes another, and when that does not
	 * come in time, this one goes out. At most one of the commands of a request is answerable.
	 */
	void (*serve)(void *state, const struct skybus_incoming *incoming,
		      struct skybus_response *response);

	/**
	 * An app answers a command, or the daemon does as the command says. To one that was served fill the code and the payload of @response, which
	 * begins as 2.04; to one that came in a reply the topic and the payload of a message, which is stored
	 * and sent as every other. On failure (a negative errno) the app is told why->reason, and may answer
	 * again.
	 */
	int32_t (*answer)(void *state, const struct skybus_answer *answer,
			  struct skybus_response *response, struct skybus_verdict *why);

	/** For people: which device this link is at the cloud. Lent until detach(). */
	const char *(*device)(void *state);

	/**
	 * How many of these messages, from the first on, could go in one request: @n of them, 1 or more, wait
	 * in this order. 0: nothing could ever go together with the first, so it need not wait for others. Any
	 * smaller number of them must fit as well. Only with terms.batch_s, and often: it changes nothing, and
	 * takes no number from a sequence.
	 */
	uint32_t (*gather)(void *state, const struct skybus_message *messages, uint32_t n);
	/**
	 * As encode(), for 2 or more messages that gather() has found to fit; @request begins as a POST without
	 * path and payload. No message may lose its time. decide() is called once, with the first of
	 * them; what it says holds for all, but where that is SKYBUS_REJECTED, or this call fails as
	 * SKYBUS_REJECTED, each is sent again in a request of its own. request_note() can tell such replies
	 * apart.
	 */
	int32_t (*encode_batch)(void *state, const struct skybus_message *messages, uint32_t n,
				struct skybus_request *request, struct skybus_verdict *verdict);
};

#ifdef __cplusplus
}
#endif

#endif
