import { fromBuffer, validateFileName, type Entry, type ZipFile } from "yauzl";
import { PlatformError } from "../../kernel/errors.ts";

// Chosen: far above what an action needs (its compressed code is at most 48 MB), far below what fills a machine.
const ENTRIES_MAX = 100_000;
const UNPACKED_BYTES_MAX = 1_073_741_824;
const LOCAL_HEADER = Buffer.from("PK\u0003\u0004", "latin1");
const UNIX_TYPE_MASK = 0o170000;
const UNIX_SYMLINK = 0o120000;

/**
 * Refuses a zip that is certainly unsafe to unpack: a path that leaves its folder, by itself or through a link of the same archive, or
 * contents beyond every measure. Everything else passes, unreadable archives too: base64 need not be a zip, and a runtime says better
 * than we what is wrong with one. Reads the central directory only.
 *
 * @throws `archive/invalid`
 */
export async function checkArchive(bytes: Uint8Array): Promise<void> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!buffer.subarray(0, LOCAL_HEADER.length).equals(LOCAL_HEADER)) return;
  const zip = await openZip(buffer);
  if (zip !== undefined) await checkEntries(zip);
}

function openZip(buffer: Buffer): Promise<ZipFile | undefined> {
  return new Promise((resolve) => {
    // Names stay bytes, so that a bad one is ours to refuse instead of the reader's to fail at.
    fromBuffer(buffer, { lazyEntries: true, decodeStrings: false }, (error, zip) => {
      resolve(error === null ? zip : undefined);
    });
  });
}

function checkEntries(zip: ZipFile): Promise<void> {
  return new Promise((resolve, reject) => {
    const links = new Set<string>();
    let unpackedBytes = 0;
    const refuse = (message: string): void => {
      zip.close();
      reject(new PlatformError("archive/invalid", message));
    };
    if (zip.entryCount > ENTRIES_MAX) {
      refuse(`The archive has ${zip.entryCount} entries, more than the ${ENTRIES_MAX} allowed.`);
      return;
    }
    zip.on("entry", (entry: Entry) => {
      const name = nameOf(entry);
      // Some Windows tools write backslashes for slashes.
      const fault = validateFileName(name.replaceAll("\\", "/"));
      if (fault !== null) return refuse(`The archive has an unsafe path: ${fault}`);
      if (isBelowLink(name, links)) return refuse(`The archive has a path that goes through a link: ${name}`);
      if (isLink(entry)) links.add(name);
      unpackedBytes += entry.uncompressedSize;
      if (unpackedBytes > UNPACKED_BYTES_MAX) {
        return refuse(`The archive unpacks to more than the ${UNPACKED_BYTES_MAX} bytes allowed.`);
      }
      zip.readEntry();
    });
    // A directory that breaks off is the runtime's to report; nothing was unsafe up to there.
    zip.on("error", () => resolve());
    zip.on("end", () => resolve());
    zip.readEntry();
  });
}

function nameOf(entry: Entry): string {
  const name: unknown = entry.fileName;
  return Buffer.isBuffer(name) ? name.toString("utf8") : String(name);
}

function isLink(entry: Entry): boolean {
  return ((entry.externalFileAttributes >>> 16) & UNIX_TYPE_MASK) === UNIX_SYMLINK;
}

function isBelowLink(name: string, links: ReadonlySet<string>): boolean {
  if (links.size === 0) return false;
  for (let slash = name.indexOf("/"); slash >= 0; slash = name.indexOf("/", slash + 1)) {
    if (links.has(name.slice(0, slash))) return true;
  }
  return false;
}
