// SPDX-License-Identifier: Apache-2.0
// Requests by the npm package node-coap-client, over DTLS with a pre-shared key:
// IDENTITY KEY REQUESTS. KEY is hex; REQUESTS and the output are those of plain-client.js, without options.
"use strict";

const { CoapClient } = require("node-coap-client");

const [identity, key, requests] = process.argv.slice(2);
const options = { keepAlive: true, confirmable: true, retransmit: false };

async function main() {
  for (const { method, url, payload = "" } of JSON.parse(requests)) {
    CoapClient.setSecurityParams(url, { psk: { [identity]: Buffer.from(key, "hex") } });
    const connected = await CoapClient.tryToConnect(url);
    if (connected !== true) throw new Error(`no connection to ${url}: ${connected}`);
    const body = Buffer.from(payload, "hex");
    const answer = await CoapClient.request(url, method.toLowerCase(), body, options);
    const code = answer.code.toString();
    console.log(JSON.stringify({ code, payload: (answer.payload || body.subarray(0, 0)).toString("hex") }));
  }
}

main()
  .catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  })
  .finally(() => CoapClient.reset());
