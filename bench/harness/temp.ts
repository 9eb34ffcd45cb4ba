import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders = new Set<string>();
process.once("exit", () => {
  for (const folder of folders) remove(folder);
});

/** A folder that is gone when the scope that made it is left, or the bench ends. */
export interface TempFolder extends Disposable {
  readonly path: string;
}

export function tempFolder(purpose: string): TempFolder {
  const path = mkdtempSync(join(tmpdir(), `skein-bench-${purpose}-`));
  folders.add(path);
  return {
    path,
    [Symbol.dispose]: () => {
      remove(path);
      folders.delete(path);
    },
  };
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
