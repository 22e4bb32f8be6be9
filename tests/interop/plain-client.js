// SPDX-License-Identifier: Apache-2.0
// Requests by the npm package coap, over UDP, one after the other from one socket. They come as a JSON
// list: [{"method", "url", "payload", "options": {"NUMBER": "HEX"}}]; payload is hex. Each answer is a
// line of JSON: {"code", "payload"}.
"use strict";

const coap = require("coap");
const dgram = require("dgram");

// An agent closes a socket of its own after each answer, and EnOS knows a device by its address.
const socket = dgram.createSocket("udp4");
const agent = new coap.Agent({ socket });

function send({ method, url, payload = "", options = {} }) {
  const { hostname, port, pathname, search } = new URL(url);
  const query = search.slice(1);

  return new Promise((resolve, reject) => {
    const request = coap.request({ agent, method, hostname, port: Number(port), pathname, query });
    for (const [name, value] of Object.entries(options)) {
      request.setOption(name, Buffer.from(value, "hex"));
    }
    request.on("response", resolve);
    request.on("error", reject);
    request.end(Buffer.from(payload, "hex"));
  });
}

async function main() {
  for (const request of JSON.parse(process.argv[2])) {
    const { code, payload } = await send(request);
    console.log(JSON.stringify({ code, payload: payload.toString("hex") }));
  }
}

main()
  .catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  })
  .finally(() => socket.close());
