/**
 * A stem cell's rehearsal: an init and a few runs of an action of ours, over a socket of its own and through the very code that the
 * real ones will take, so that the first call finds that code compiled (measured: p50 at the API from 4.7 to 2.7 ms; without the
 * socket 3.3). All that it touches is its own (service, environment, output) and is dropped; nothing is printed, and the socket's
 * file is gone as soon as both ends are connected. It goes in steps, one per turn of the event loop, and the real init ends it.
 */
import type * as Net from "node:net";
import type { Http } from "./http.cts";
import type { Service } from "./service.cts";

const { connect } = require("node:net") as typeof Net;
const { listen } = require("./http.cjs") as Http;
const { ActionService } = require("./service.cjs") as Service;

const CODE = "function main(args) { return args; }";
/** Chosen: more of them gain nothing that can be measured. */
const RUNS = 3;
const SILENT = { markSentinels: ignore, writeError: ignore, writeSentinels: ignore };

/** Begins to rehearse on a Unix socket at `path`. The result stops it, leaving nothing; when it is through it stops by itself. */
function rehearse(path: string): () => void {
  const options = { concurrent: true, folder: process.cwd(), env: {}, output: SILENT };
  const requests = [initRequest(), ...Array.from({ length: RUNS }, runRequest)];
  const ends: Net.Socket[] = [];
  const step = (): void => {
    const request = requests.shift();
    if (request === undefined) stop();
    else ends[0]?.write(request);
  };
  const server = listen(path, new ActionService(options), () => {
    const client = connect(path);
    ends.push(client);
    // A rehearsal that fails is none: the container serves as if it had not been tried.
    client.on("error", stop);
    client.on("data", step);
  });
  server.on("error", stop);
  server.on("connection", (socket) => {
    ends.push(socket);
    server.close();
    step();
  });
  function stop(): void {
    server.close();
    for (const socket of ends) socket.destroy();
  }
  return stop;
}

function initRequest(): string {
  const env = { __OW_NAMESPACE: "rehearsal", __OW_ACTION_NAME: "/rehearsal/rehearsal" };
  return requestOf("/init", { value: { name: "rehearsal", main: "main", code: CODE, binary: false, env } });
}

function runRequest(): string {
  const fields = { namespace: "rehearsal", action_name: "/rehearsal/rehearsal", deadline: "0" };
  return requestOf("/run", { value: { name: "rehearsal" }, ...fields });
}

/** As the platform writes it. */
function requestOf(path: "/init" | "/run", body: object): string {
  const json = JSON.stringify(body);
  const mark = path === "/init" ? "X-Skein-Sentinel: none\r\n" : "";
  return (
    `POST ${path} HTTP/1.1\r\nHost: container\r\nContent-Type: application/json\r\n${mark}` +
    `Content-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`
  );
}

function ignore(): void {
  // Nothing of a rehearsal goes anywhere.
}

const rehearsal = { rehearse };
module.exports = rehearsal;
export type Rehearsal = typeof rehearsal;
