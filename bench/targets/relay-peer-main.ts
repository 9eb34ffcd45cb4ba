// Behind the relay: parses a line of JSON, gives its `value` back as a line.
import { createServer } from "node:net";

const server = createServer((socket) => {
  let received = "";
  socket.on("error", () => socket.destroy());
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    received += chunk;
    if (!received.endsWith("\n")) return;
    const { value } = JSON.parse(received) as { readonly value: unknown };
    received = "";
    socket.write(`${JSON.stringify(value)}\n`);
  });
});
server.listen(process.argv[2], () => process.stdout.write("ready\n"));
