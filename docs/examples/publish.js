#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Publishes a message, waits for its end, and prints that: "delivered 2.04".
//
//   npm install dbus-next
//   node publish.js LINK TOPIC TEXT
//
// LINK is a link of skybusd. It uses the system bus, or the one that DBUS_SYSTEM_BUS_ADDRESS names. It ends
// with 0 if the cloud has the message.
"use strict";

const dbus = require("dbus-next");

const SERVICE = "io.skybus.Gateway1";
const ROOT = "/io/skybus/Gateway1";
const WAIT_S = 60;

// In a path all is written as _xx that is no letter and no digit, and a digit in front.
function linkPath(name) {
  const escape = (c) => "_" + c.charCodeAt(0).toString(16).padStart(2, "0");
  return `${ROOT}/link/${name.replace(/[^A-Za-z0-9]|^[0-9]/g, escape)}`;
}

async function main() {
  if (process.argv.length !== 5) throw new Error("usage: publish.js LINK TOPIC TEXT");
  const [name, topic, text] = process.argv.slice(2);
  const bus = dbus.systemBus();
  const link = (await bus.getProxyObject(SERVICE, linkPath(name))).getInterface(`${SERVICE}.Link`);
  const manager = (await bus.getProxyObject(SERVICE, ROOT)).getInterface(`${SERVICE}.Manager`);
  const ticket = await link.Publish(topic, text);
  const [outcome, code, reason] = await manager.WaitTicket(ticket, WAIT_S);
  console.log(`${outcome} ${code} ${reason}`.trim());
  bus.disconnect();
  process.exitCode = outcome === "delivered" ? 0 : 1;
}

main().catch((error) => {
  console.error(error.text || error.message);
  process.exit(1);
});
