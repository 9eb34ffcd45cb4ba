import { createHash } from "node:crypto";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { usageFailure } from "./failure.ts";
import { bytesText } from "./output.ts";

/** Never part of an action: version control, caches and links that npm makes anew. */
const SKIPPED_NAMES: ReadonlySet<string> = new Set([".git", ".hg", ".svn", ".DS_Store", "Thumbs.db"]);
const SKIPPED_PATHS: ReadonlySet<string> = new Set(["node_modules/.bin", "node_modules/.cache"]);
/** Before compression; chosen: ten times what may be sent. */
const FOLDER_BYTES_MAX = 512 * 1_048_576;
const FOLDER_FILES_MAX = 50_000;
/** Every entry gets this one, so that the same files always make the same archive and hence the same code digest. */
const ENTRY_TIME = new Date(2000, 0, 1);

interface Entry {
  /** Relative, with `/`. */
  readonly path: string;
  readonly file: string;
  readonly executable: boolean;
}

/** Packs a folder, its node_modules included, in the order of its names. The same content gives the same bytes. */
export async function zipFolder(folder: string): Promise<Buffer> {
  const { ZipFile } = await import("yazl");
  const entries = await entriesOf(folder);
  const zip = new ZipFile();
  const packed = new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    zip.on("error", reject);
    zip.outputStream.on("error", reject);
    zip.outputStream.on("data", (chunk: Buffer) => chunks.push(chunk));
    zip.outputStream.on("end", () => resolve(Buffer.concat(chunks)));
  });
  for (const { path, file, executable } of entries) {
    // DOS times have no zone: with UTC ones the bytes would differ from one time zone to the next.
    zip.addFile(file, path, { mtime: ENTRY_TIME, forceDosTimestamp: true, mode: executable ? 0o100755 : 0o100644 });
  }
  zip.end();
  return packed;
}

/** A short name of an archive's content, for messages. */
export function digestText(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 12);
}

async function entriesOf(folder: string): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  let bytes = 0;
  // Linked folders are packed as what they point to; `above` keeps a link to a parent from being followed for ever.
  const visit = async (path: string, above: ReadonlySet<string>): Promise<void> => {
    const here = await realpath(join(folder, path));
    if (above.has(here)) return;
    const names = (await readdir(here)).sort();
    for (const name of names) {
      const child = path === "" ? name : `${path}/${name}`;
      if (SKIPPED_NAMES.has(name) || SKIPPED_PATHS.has(child)) continue;
      const file = join(here, name);
      const found = await stat(file).catch(() => undefined);
      // A dangling link, a socket, a pipe: nothing that a zip could carry.
      if (found === undefined || !(found.isFile() || found.isDirectory())) continue;
      if (found.isDirectory()) {
        await visit(child, new Set([...above, here]));
      } else {
        bytes += found.size;
        entries.push({ path: child, file, executable: (found.mode & 0o111) !== 0 });
        if (bytes > FOLDER_BYTES_MAX || entries.length > FOLDER_FILES_MAX)
          throw tooLarge(folder, bytes, entries.length);
      }
    }
  };
  await visit("", new Set());
  return entries;
}

function tooLarge(folder: string, bytes: number, files: number): Error {
  return usageFailure(
    `${folder} is too large for an action: more than ${bytesText(bytes)} in ${files} files`,
    "leave out what does not run: install with `npm ci --omit=dev`, keep data elsewhere",
  );
}
