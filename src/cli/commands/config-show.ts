import { optionFields } from "../../kernel/options/fields.ts";
import { loadOptions, optionAt, originText } from "../../kernel/options/load.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { table } from "../output.ts";
import { type ServeFlags, settingsOf } from "../serve-flags.ts";

const MASK = "(secret)";

/** Prints every option's effective value and where it comes from: what `up` with the same flags would run with. */
export function showConfig(flags: ServeFlags, io: Io): ExitCode {
  const file = flags.config ?? io.env["SKEIN_CONFIG"];
  const loaded = loadOptions({ env: io.env, flags: settingsOf(flags), ...(file === undefined ? {} : { file }) });
  const shown = optionFields().map(({ path, secret }) => {
    const value = optionAt(loaded.options, path);
    const origin = loaded.origins.get(path) ?? { kind: "default" as const };
    return { path, value: secret && value !== undefined ? MASK : value, origin: originText(origin) };
  });
  if (flags.json === true) {
    io.stdout(`${JSON.stringify(Object.fromEntries(shown.map(({ path, ...rest }) => [path, rest])))}\n`);
    return EXIT.ok;
  }
  const rows = shown.map(({ path, value, origin }) => [path, valueText(value), origin]);
  io.stdout(table(["OPTION", "VALUE", "FROM"], rows));
  return EXIT.ok;
}

function valueText(value: unknown): string {
  if (value === undefined) return "(unset)";
  return typeof value === "string" ? value : JSON.stringify(value);
}
