// SPDX-License-Identifier: Apache-2.0
// A program on the bus by the npm package dbus-next: dbus-next-client.js ADDRESS; see Program in clients.py.
"use strict";

const dbus = require("dbus-next");
const readline = require("readline");
const { parseSignature } = require("dbus-next/lib/signature");

const NAME = "io.skybus.Gateway1";
const bus = dbus.sessionBus({ busAddress: process.argv[2] });

// JSON has neither bytes nor variants nor large integers; ours are small enough for a number.
function toPlain(value) {
  if (typeof value === "bigint") return Number(value);
  if (Buffer.isBuffer(value)) return { hex: value.toString("hex") };
  if (value instanceof dbus.Variant) return toPlain(value.value);
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlain(item)]));
  }
  return value;
}

function fromPlain(key, value) {
  const isBytes = value && Object.keys(value).join() === "hex";
  return isBytes ? Buffer.from(value.hex, "hex") : value;
}

function say(answer) {
  console.log(JSON.stringify(toPlain(answer)));
}

async function interfaceAt(path, name) {
  return (await bus.getProxyObject(NAME, path)).getInterface(name);
}

// One value comes as it is, none as null.
function valuesOf(reply, signature) {
  const count = parseSignature(signature).length;
  return count === 0 ? [] : count === 1 ? [reply] : reply;
}

const verbs = {
  // The signature comes by introspection.
  async call(path, name, member, signature, args) {
    const proxy = await interfaceAt(path, name);
    const method = proxy.$methods.find((candidate) => candidate.name === member);
    say({ reply: valuesOf(await proxy[member](...args), method.outSignature) });
  },

  async listen(path, name, member) {
    const proxy = await interfaceAt(path, name);
    proxy.on(member, (...values) => say({ signal: [member, values] }));
    // The match rule goes ahead of this, and the bus answers in order.
    await (await interfaceAt(path, "org.freedesktop.DBus.Peer")).Ping();
    say({ reply: [] });
  },
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [[verb, args]] = Object.entries(JSON.parse(line, fromPlain));
    try {
      await verbs[verb](...args);
    } catch (error) {
      if (!(error instanceof dbus.DBusError)) throw error;
      say({ error: [error.type, error.text] });
    }
  }
  bus.disconnect();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
