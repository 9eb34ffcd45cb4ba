import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { defaultOptions, type StoreOptions } from "../../src/kernel/options/options.ts";
import type { Stores } from "../../src/store/ports.ts";
import { openSqliteStores } from "../../src/store/sqlite/open.ts";

/** What tests opened: a failing one must not leave threads behind that keep its process alive. */
const opened: Stores[] = [];

/** Opens SQLite stores in a folder with the default options but for those given. */
export async function openIn(
  dir: string,
  clock: Clock = systemClock,
  options: Partial<StoreOptions> = {},
): Promise<Stores> {
  const stores = await openSqliteStores({
    dir,
    options: { ...defaultOptions().store, ...options },
    clock,
    log: silentLog,
  });
  opened.push(stores);
  return stores;
}

/** Closes whatever {@link openIn} opened and is still open. */
export async function closeAll(): Promise<void> {
  await Promise.all(opened.splice(0).map((stores) => stores.close()));
}

/** Runs `use` on a new temporary folder and removes it afterwards. */
export async function withFolder<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "skein-store-"));
  try {
    return await use(dir);
  } finally {
    await closeAll();
    rmSync(dir, { recursive: true, force: true });
  }
}
