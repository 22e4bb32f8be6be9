#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Gets commands from the cloud, prints them, and answers each that wants an answer.
//
//   npm install dbus-next
//   node subscribe.js LINK [FILTER [ANSWER [INBOX]]]
//
// LINK is a link of skybusd, FILTER an MQTT filter ("#" unless given), ANSWER what each command is answered
// with ("{}" unless given). With INBOX, a name, it misses none: what comes while it does not run waits on disk
// until it has printed it; that may come again if it ends just then. It uses the system bus, or the one that
// DBUS_SYSTEM_BUS_ADDRESS names.
"use strict";

const dbus = require("dbus-next");

const SERVICE = "io.skybus.Gateway1";
const LINKS = "/io/skybus/Gateway1/link/";

// In a path all is written as _xx that is no letter and no digit, and a digit in front.
function linkPath(name) {
  const escape = (c) => "_" + c.charCodeAt(0).toString(16).padStart(2, "0");
  return LINKS + name.replace(/[^A-Za-z0-9]|^[0-9]/g, escape);
}

function complain(error) {
  console.error(error.text || error.message);
}

async function main() {
  const [name, filter = "#", answer = "{}", inbox] = process.argv.slice(2);
  if (!name) throw new Error("usage: subscribe.js LINK [FILTER [ANSWER [INBOX]]]");
  const bus = dbus.systemBus();
  const link = (await bus.getProxyObject(SERVICE, linkPath(name))).getInterface(`${SERVICE}.Link`);
  link.on("Message", (message, topic, payload, properties) => {
    console.log(topic, payload.toString());
    // The ticket in the reply would tell whether the answer has arrived.
    if ("answer-by" in properties) link.Answer(message, "", answer).catch(complain);
    if (inbox) link.Acknowledge(message).catch(complain);
  });
  if (inbox) await link.SubscribeDurableWith(inbox, filter, { answer: "yes" });
  else await link.SubscribeWith(filter, { answer: "yes" });
  console.log(`subscribed to ${filter}`);
}

main().catch((error) => {
  complain(error);
  process.exit(1);
});
