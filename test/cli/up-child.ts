// Started by up.test.ts: `up` with a node that serves nothing, and stops as its environment says.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { processIo } from "../../src/cli/io.ts";
import { runCli } from "../../src/cli/main.ts";
import { PlatformError } from "../../src/kernel/errors.ts";

const how = process.env["UP_CHILD"] ?? "";
const terminal = process.env["UP_TERMINAL"] === "1";
process.exitCode = await runCli(process.argv.slice(2), {
  ...processIo(),
  ...(terminal ? { stdoutIsTerminal: true } : {}),
  startNode: async (options, { log }) => {
    if (how === "busy") throw new PlatformError("server/address", "port 3233 is taken");
    const guest = join(options.data.dir, "guest");
    writeFileSync(guest, "uuid:secret\n");
    log.info({ apiKey: "uuid:secret", port: options.server.port }, "started");
    const alive = setInterval(() => undefined, 1000);
    return {
      url: `http://127.0.0.1:${options.server.port}`,
      keyFiles: { guest, system: "/none" },
      stop: async (reason) => {
        process.stdout.write(`stopping for ${reason}\n`);
        if (how === "hang") await new Promise(() => undefined);
        if (how === "broken") throw new Error("the store is gone");
        clearInterval(alive);
        return how !== "cut";
      },
    };
  },
});
