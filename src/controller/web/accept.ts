const RANGE = /^([\w!#$%&'*+.^`|~-]+)\/([\w!#$%&'*+.^`|~-]+)$/;
const QUALITY = /^q\s*=\s*([01](?:\.\d{0,3})?)$/i;
// What is longer is read as if it said nothing: no browser's has more than ten.
const RANGES_MAX = 100;

/**
 * Whether an `accept` header takes this type (`type/subtype`): by the most specific range that matches. No header takes everything,
 * and so does one in which nothing can be read, as in OpenWhisk.
 */
export function accepts(header: string | undefined, essence: string): boolean {
  if (header === undefined) return true;
  const ranges = header.split(",", RANGES_MAX).flatMap((text) => rangeOf(text) ?? []);
  if (ranges.length === 0) return true;
  const [main = ""] = essence.split("/");
  for (const wanted of [essence, `${main}/*`, "*/*"]) {
    const qualities = ranges.filter(({ range }) => range === wanted).map(({ quality }) => quality);
    if (qualities.length > 0) return qualities.some((quality) => quality > 0);
  }
  return false;
}

function rangeOf(text: string): { readonly range: string; readonly quality: number } | undefined {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim());
  const range = (type === "*" ? "*/*" : type).toLowerCase();
  if (!RANGE.test(range)) return undefined;
  const quality = parameters.map((parameter) => QUALITY.exec(parameter)?.[1]).find((found) => found !== undefined);
  return { range, quality: Number(quality ?? 1) };
}
