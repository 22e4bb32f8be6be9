// SPDX-License-Identifier: Apache-2.0
// A server of the npm package coap, with which devices register, and which they observe. Its port is the first
// line that it says; then there is one for each thing that comes, as JSON. What it reads, line by line, as hex,
// is a command for each device that observes.
"use strict";

const coap = require("coap");
const readline = require("readline");

const registrations = new Set();
const observers = new Map(); // by client
const commands = [];
const server = coap.createServer();

function say(event, fields = {}) {
  console.log(JSON.stringify({ event, ...fields }));
}

function end(response, code, payload) {
  response.code = code;
  response.end(payload);
}

function register(request, response, path) {
  if (path === "/rd") {
    const location = `/rd/${process.pid}-${registrations.size}`;
    registrations.add(location);
    response.setOption("Location-Path", location);
    say("registered", { query: request.url.split("?")[1], location });
    end(response, "2.01");
  } else {
    say("renewed", { location: path, known: registrations.has(path) });
    end(response, registrations.has(path) ? "2.04" : "4.04");
  }
}

// The state is the path of the newest command.
function state() {
  return commands.length > 0 ? `/command/${process.pid}-${commands.length}` : "none";
}

function observe(request, response) {
  const client = `${request.rsinfo.address}:${request.rsinfo.port}`;
  if (request.headers.Observe === 0) {
    observers.set(client, response);
    response.on("finish", () => say("forgotten", { client }));
    say("observed", { client });
    response.write(state());
  } else {
    observers.delete(client);
    say("stopped", { client });
    end(response, "2.05", state());
  }
}

server.on("request", (request, response) => {
  const path = request.url.split("?")[0];
  if (path === "/rd" || path.startsWith("/rd/")) {
    register(request, response, path);
  } else if (path.startsWith("/commands/")) {
    observe(request, response);
  } else if (path.startsWith("/command/")) {
    end(response, "2.05", commands[Number(path.split("-")[1]) - 1]);
  } else {
    say("message", { path, payload: request.payload.toString("hex") });
    end(response, "2.04");
  }
});

server.listen(Number(process.argv[2]), "127.0.0.1", () => say("listening"));
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  commands.push(Buffer.from(line, "hex"));
  for (const observer of observers.values()) {
    observer.write(state());
  }
});
