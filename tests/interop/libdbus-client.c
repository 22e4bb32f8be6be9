/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program on the bus by libdbus: libdbus-client ADDRESS; see Program in clients.py.
 */
#include <dbus/dbus.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE "io.skybus.Gateway1"
#define TIMEOUT_MS 20000
#define BYTES_MAX 131072

static _Noreturn void die(const char *why)
{
	(void)fprintf(stderr, "libdbus-client: %s\n", why);
	exit(EXIT_FAILURE);
}

static void need(bool good, const char *why)
{
	if (!good)
		die(why);
}

static void say(json_t *answer)
{
	need(answer && json_dumpf(answer, stdout, JSON_COMPACT) == 0, "no memory");
	(void)putchar('\n');
	(void)fflush(stdout);
	json_decref(answer);
}

/* ---- From the bus to JSON -------------------------------------------------------------------- */

static json_t *value_of(DBusMessageIter *iter);

static json_t *values_of(DBusMessageIter *iter)
{
	json_t *values = json_array();

	while (dbus_message_iter_get_arg_type(iter) != DBUS_TYPE_INVALID) {
		need(json_array_append_new(values, value_of(iter)) == 0, "no memory");
		dbus_message_iter_next(iter);
	}

	return values;
}

static json_t *hex_of(const unsigned char *bytes, size_t n)
{
	static char hex[2 * BYTES_MAX + 1];

	need(n <= BYTES_MAX, "too many bytes");
	hex[0] = '\0';
	for (size_t i = 0; i < n; i++)
		(void)snprintf(&hex[2 * i], 3, "%02x", bytes[i]);

	return json_pack("{s:s}", "hex", hex);
}

static json_t *bytes_of(DBusMessageIter *iter)
{
	const unsigned char *bytes;
	int n = 0;

	if (dbus_message_iter_get_arg_type(iter) == DBUS_TYPE_BYTE)
		dbus_message_iter_get_fixed_array(iter, &bytes, &n);

	return hex_of(bytes, (size_t)n);
}

static json_t *dict_of(DBusMessageIter *iter)
{
	json_t *dict = json_object();
	DBusMessageIter entry;
	const char *key;

	for (; dbus_message_iter_get_arg_type(iter) != DBUS_TYPE_INVALID;
	     dbus_message_iter_next(iter)) {
		dbus_message_iter_recurse(iter, &entry);
		dbus_message_iter_get_basic(&entry, &key);
		dbus_message_iter_next(&entry);
		need(json_object_set_new(dict, key, value_of(&entry)) == 0, "no memory");
	}

	return dict;
}

static json_t *basic_of(DBusMessageIter *iter, int type)
{
	DBusBasicValue value;

	need(dbus_type_is_basic(type), "a type that is not known");
	dbus_message_iter_get_basic(iter, &value);
	switch (type) {
	case DBUS_TYPE_BYTE:
		return json_integer(value.byt);
	case DBUS_TYPE_BOOLEAN:
		return json_boolean(value.bool_val);
	case DBUS_TYPE_UINT16:
		return json_integer(value.u16);
	case DBUS_TYPE_INT32:
		return json_integer(value.i32);
	case DBUS_TYPE_UINT32:
		return json_integer(value.u32);
	case DBUS_TYPE_INT64:
		return json_integer(value.i64);
	case DBUS_TYPE_UINT64:
		return json_integer((json_int_t)value.u64);
	case DBUS_TYPE_DOUBLE:
		return json_real(value.dbl);
	case DBUS_TYPE_UNIX_FD: /* a copy, which is ours */
		return json_integer(value.fd);
	case DBUS_TYPE_STRING:
	case DBUS_TYPE_OBJECT_PATH:
	case DBUS_TYPE_SIGNATURE:
		return json_string(value.str);
	default:
		die("a type that is not known");
	}
}

static json_t *value_of(DBusMessageIter *iter)
{
	const int type = dbus_message_iter_get_arg_type(iter);
	const int element = type == DBUS_TYPE_ARRAY ? dbus_message_iter_get_element_type(iter) : 0;
	DBusMessageIter inner;

	if (!dbus_type_is_container(type))
		return basic_of(iter, type);
	dbus_message_iter_recurse(iter, &inner);
	if (type == DBUS_TYPE_VARIANT)
		return value_of(&inner);
	if (element == DBUS_TYPE_BYTE)
		return bytes_of(&inner);

	return element == DBUS_TYPE_DICT_ENTRY ? dict_of(&inner) : values_of(&inner);
}

/* ---- From JSON to the bus -------------------------------------------------------------------- */

static void append(DBusMessageIter *iter, const DBusSignatureIter *type, const json_t *value);

static size_t read_hex(const json_t *value, unsigned char bytes[static BYTES_MAX])
{
	const char *hex = json_string_value(json_object_get(value, "hex"));
	size_t n = 0;

	for (; hex && n < BYTES_MAX && sscanf(hex, "%2hhx", &bytes[n]) == 1; hex += 2)
		n++;

	return n;
}

static void append_bytes(DBusMessageIter *array, const json_t *value)
{
	static unsigned char buffer[BYTES_MAX];
	const unsigned char *bytes = buffer;
	const size_t n = read_hex(value, buffer);

	need(dbus_message_iter_append_fixed_array(array, DBUS_TYPE_BYTE, &bytes, (int)n),
	     "no memory");
}

static void append_entry(DBusMessageIter *dict, DBusSignatureIter type, const char *key,
			 const json_t *value)
{
	DBusMessageIter entry;

	need(dbus_message_iter_open_container(dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
		     dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key),
	     "no memory");
	dbus_signature_iter_next(&type);
	append(&entry, &type, value);
	need(dbus_message_iter_close_container(dict, &entry), "no memory");
}

static void append_array(DBusMessageIter *iter, const DBusSignatureIter *type, const json_t *value)
{
	DBusSignatureIter element, inner;
	DBusMessageIter array;
	char *signature;
	const char *key;
	json_t *item;
	size_t i;

	dbus_signature_iter_recurse(type, &element);
	signature = dbus_signature_iter_get_signature(&element);
	need(dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, signature, &array),
	     "no memory");
	dbus_free(signature);
	switch (dbus_signature_iter_get_current_type(&element)) {
	case DBUS_TYPE_BYTE:
		append_bytes(&array, value);
		break;
	case DBUS_TYPE_DICT_ENTRY:
		dbus_signature_iter_recurse(&element, &inner);
		json_object_foreach((json_t *)(uintptr_t)value, key, item)
			append_entry(&array, inner, key, item);
		break;
	default:
		json_array_foreach(value, i, item)
			append(&array, &element, item);
	}
	need(dbus_message_iter_close_container(iter, &array), "no memory");
}

static void append(DBusMessageIter *iter, const DBusSignatureIter *type, const json_t *value)
{
	const int kind = dbus_signature_iter_get_current_type(type);
	DBusBasicValue basic;

	switch (kind) {
	case DBUS_TYPE_ARRAY:
		append_array(iter, type, value);
		return;
	case DBUS_TYPE_STRING:
		basic.str = (char *)(uintptr_t)json_string_value(value);
		break;
	case DBUS_TYPE_UINT32:
		basic.u32 = (dbus_uint32_t)json_integer_value(value);
		break;
	case DBUS_TYPE_UINT64:
		basic.u64 = (dbus_uint64_t)json_integer_value(value);
		break;
	default:
		die("a type that is not known");
	}
	need(dbus_message_iter_append_basic(iter, kind, &basic), "no memory");
}

static void append_all(DBusMessage *message, const char *signature, const json_t *values)
{
	DBusSignatureIter type;
	DBusMessageIter iter;
	json_t *value;
	size_t i;

	dbus_message_iter_init_append(message, &iter);
	dbus_signature_iter_init(&type, signature);
	json_array_foreach(values, i, value) {
		append(&iter, &type, value);
		(void)dbus_signature_iter_next(&type);
	}
}

/* ---- What it is told ------------------------------------------------------------------------- */

static void say_error(DBusError *error)
{
	say(json_pack("{s:[s,s]}", "error", error->name, error->message));
	dbus_error_free(error);
}

static void call(DBusConnection *connection, json_t *order)
{
	const char *path, *interface, *member, *signature;
	DBusError error = DBUS_ERROR_INIT;
	DBusMessage *message, *reply;
	DBusMessageIter iter;
	json_t *values;

	need(json_unpack(order, "[s,s,s,s,o]", &path, &interface, &member, &signature, &values) ==
		     0,
	     "a call that is none");
	message = dbus_message_new_method_call(SERVICE, path, interface, member);
	need(message != NULL, "no memory");
	append_all(message, signature, values);
	reply = dbus_connection_send_with_reply_and_block(connection, message, TIMEOUT_MS, &error);
	dbus_message_unref(message);
	if (!reply) {
		say_error(&error);
		return;
	}
	(void)dbus_message_iter_init(reply, &iter);
	say(json_pack("{s:o}", "reply", values_of(&iter)));
	dbus_message_unref(reply);
}

static void listen_to(DBusConnection *connection, json_t *order)
{
	const char *path, *interface, *member;
	DBusError error = DBUS_ERROR_INIT;
	char rule[512];

	need(json_unpack(order, "[s,s,s]", &path, &interface, &member) == 0, "listen to what?");
	(void)snprintf(rule, sizeof(rule),
		       "type='signal',sender='" SERVICE "',path='%s',interface='%s',member='%s'",
		       path, interface, member);
	dbus_bus_add_match(connection, rule, &error);
	if (dbus_error_is_set(&error))
		say_error(&error);
	else
		say(json_pack("{s:[]}", "reply"));
}

static void send_bytes(json_t *order)
{
	static unsigned char bytes[BYTES_MAX];
	json_t *value;
	size_t n;
	int fd;

	need(json_unpack(order, "[i,o]", &fd, &value) == 0, "send what?");
	n = read_hex(value, bytes);
	need(write(fd, bytes, n) == (ssize_t)n, "cannot send");
	say(json_pack("{s:[]}", "reply"));
}

static void receive_bytes(json_t *order)
{
	static unsigned char bytes[BYTES_MAX];
	ssize_t n;
	int fd;

	need(json_unpack(order, "[i]", &fd) == 0, "receive from where?");
	n = read(fd, bytes, sizeof(bytes));
	need(n >= 0, "cannot receive");
	say(json_pack("{s:[o]}", "reply", hex_of(bytes, (size_t)n)));
}

static DBusHandlerResult on_message(DBusConnection *connection, DBusMessage *message,
				    void *userdata)
{
	DBusMessageIter iter;

	(void)connection;
	(void)userdata;
	if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_SIGNAL)
		return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
	(void)dbus_message_iter_init(message, &iter);
	say(json_pack("{s:[s,o]}", "signal", dbus_message_get_member(message), values_of(&iter)));

	return DBUS_HANDLER_RESULT_HANDLED;
}

static void carry_out(DBusConnection *connection, const char *verb, json_t *arguments)
{
	if (strcmp(verb, "call") == 0)
		call(connection, arguments);
	else if (strcmp(verb, "listen") == 0)
		listen_to(connection, arguments);
	else if (strcmp(verb, "send") == 0)
		send_bytes(arguments);
	else if (strcmp(verb, "receive") == 0)
		receive_bytes(arguments);
	else
		die("a verb that is not known");
}

static bool obey(DBusConnection *connection)
{
	char *line = NULL;
	size_t size = 0;
	json_t *order, *arguments;
	const char *verb;

	if (getline(&line, &size, stdin) < 0) {
		free(line);
		return false;
	}
	order = json_loads(line, 0, NULL);
	free(line);
	json_object_foreach(order, verb, arguments)
		carry_out(connection, verb, arguments);
	json_decref(order);

	return true;
}

static DBusConnection *join(const char *address)
{
	DBusError error = DBUS_ERROR_INIT;
	DBusConnection *connection = dbus_connection_open_private(address, &error);

	if (!connection || !dbus_bus_register(connection, &error))
		die(error.message);
	need(dbus_connection_add_filter(connection, on_message, NULL, NULL), "no memory");

	return connection;
}

int main(int argc, char **argv)
{
	struct pollfd polled[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
				    { .events = POLLIN } };
	DBusConnection *connection;
	bool told = true;

	need(argc == 2, "usage: libdbus-client ADDRESS");
	connection = join(argv[1]);
	need(dbus_connection_get_unix_fd(connection, &polled[1].fd), "a bus without a socket");
	while (told && dbus_connection_read_write(connection, 0)) {
		while (dbus_connection_dispatch(connection) == DBUS_DISPATCH_DATA_REMAINS)
			;
		need(poll(polled, 2, -1) > 0, "cannot poll");
		if (polled[0].revents)
			told = obey(connection);
	}
	dbus_connection_close(connection);
	dbus_connection_unref(connection);
	dbus_shutdown();

	return told ? EXIT_FAILURE : EXIT_SUCCESS;
}
