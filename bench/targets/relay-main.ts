// The floor under any platform that runs functions in processes of their own: the echo's server, and behind it one exchange of bytes
// over a Unix socket with another process. No names, no keys, no pool, no records, no logs.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

interface Peer {
  exchange(request: string, onAnswer: (text: string) => void): void;
}

const peers = Number(process.argv[2]);
const idle: Peer[] = [];
const children: ReturnType<typeof spawn>[] = [];
process.once("SIGTERM", () => {
  for (const child of children) child.kill();
  process.exit(0);
});
for (let at = 0; at < peers; at += 1) idle.push(await startPeer(join(process.cwd(), `${at}.sock`)));

const server = createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => {
    text += chunk;
  });
  request.on("end", () => {
    const peer = idle.pop();
    if (peer === undefined) throw new Error("more requests at once than peers");
    peer.exchange(JSON.stringify({ value: JSON.parse(text) as unknown }), (answer) => {
      idle.push(peer);
      const body = JSON.stringify(JSON.parse(answer));
      response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
      response.end(body);
    });
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`ready http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});

async function startPeer(socketPath: string): Promise<Peer> {
  const main = fileURLToPath(new URL("relay-peer-main.ts", import.meta.url));
  const child = spawn(process.execPath, [main, socketPath], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await once(child.stdout, "data");
  const socket = connect(socketPath);
  await once(socket, "connect");
  let received = "";
  let onAnswer: ((text: string) => void) | undefined;
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    received += chunk;
    // One line each way: what HTTP would add is Skein's business.
    if (!received.endsWith("\n")) return;
    const answer = received;
    received = "";
    onAnswer?.(answer);
  });
  return {
    exchange: (request, then) => {
      onAnswer = then;
      socket.write(`${request}\n`);
    },
  };
}
