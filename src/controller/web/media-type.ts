/**
 * Media types as web actions meet them, with the one question that matters here: is a body of this type text, which a JSON string can
 * hold, or bytes, which travel in base64? OpenWhisk asks its HTTP library (akka-http, MediaTypes), whose registry is repeated below.
 */
export interface MediaType {
  /** `type/subtype`, lower case. */
  readonly essence: string;
  /** Parameters but the charset, as they were written: `; name=value`. */
  readonly parameters: string;
  /** `text` is sent as UTF-8 and labelled so; `utf8` is UTF-8 by definition and has no label; `binary` are bytes. */
  readonly form: "text" | "utf8" | "binary";
  /** Whether OpenWhisk's library knows it, or was told a charset. What else is text here was bytes there. */
  readonly known: boolean;
}

const UTF8_TYPES: ReadonlySet<string> = new Set([
  "application/json",
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/problem+json",
  "application/vnd.api+json",
  "application/x-www-form-urlencoded",
  "text/event-stream",
]);

const TEXT_TYPES: ReadonlySet<string> = new Set(
  `atom+xml base64 javascript rss+xml soap+xml vnd.google-earth.kml+xml x-latex x-vrml xhtml+xml xml-dtd xml problem+xml`
    .split(" ")
    .map((subtype) => `application/${subtype}`)
    .concat(
      `asp cache-manifest calendar css csv html markdown mcf plain richtext tab-separated-values uri-list vnd.wap.wml
       vnd.wap.wmlscript x-asm x-c x-component x-h x-java-source x-pascal x-script x-scriptcsh x-scriptelisp x-scriptksh
       x-scriptlisp x-scriptperl x-scriptperl-module x-scriptphyton x-scriptrexx x-scriptscheme x-scriptsh x-scripttcl
       x-scripttcsh x-scriptzsh x-server-parsed-html x-setext x-sgml x-speech x-uuencode x-vcalendar x-vcard xml`
        .split(/\s+/)
        .map((subtype) => `text/${subtype}`),
    ),
);

/** Known to hold bytes, so that no charset makes text of them. Whole families are bytes beside these. */
const BINARY_TYPES: ReadonlySet<string> = new Set(
  `cbor excel font-woff gnutar grpc+proto java-archive lha lzx mspowerpoint msword octet-stream pdf postscript
   vnd.google-earth.kmz x-7z-compressed x-ace-compressed x-apple-diskimage x-arc-compressed x-bzip x-bzip2 x-chrome-extension
   x-compress x-compressed x-debian-package x-dvi x-font-truetype x-font-opentype x-gtar x-gzip x-rar-compressed
   x-redhat-package-manager x-shockwave-flash x-tar x-tex x-texinfo x-x509-ca-cert x-xpinstall zip`
    .split(/\s+/)
    .map((subtype) => `application/${subtype}`),
);
const BINARY_FAMILY =
  /^(?:multipart|image|audio|video|font|message)\/|^application\/vnd\.(?:ms-|oasis\.|openxmlformats-)/;

const TOKEN = "[\\w!#$%&'*+.^`|~-]+";
const PARAMETER = `${TOKEN}\\s*=\\s*(?:${TOKEN}|"[^"\\\\]*")`;
const TYPE = new RegExp(`^\\s*(${TOKEN}/${TOKEN})\\s*((?:;\\s*(?:${PARAMETER}\\s*)?)*)$`);
const PARAMETERS = new RegExp(PARAMETER, "g");
const CHARSET = /^charset\s*=/i;

/** Types seen lately; a page sends the same few with every request. Emptied when full. */
const parsed = new Map<string, MediaType>();
const PARSED_MAX = 256;
const PARSED_LENGTH_MAX = 128;

/** Reads a `content-type`; undefined when it is none. */
export function parseMediaType(text: string): MediaType | undefined {
  const held = parsed.get(text);
  if (held !== undefined) return held;
  const [, type, rest = ""] = TYPE.exec(text) ?? [];
  if (type === undefined || type.includes("*")) return undefined;
  const parameters = rest.match(PARAMETERS) ?? [];
  const plain = parameters.filter((parameter) => !CHARSET.test(parameter));
  const found = describe(type.toLowerCase(), plain, plain.length < parameters.length);
  if (text.length > PARSED_LENGTH_MAX) return found;
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(text, found);
  return found;
}

/** The value of a `content-type` header: what is text is sent as UTF-8, whatever charset was asked for. */
export function mediaTypeText({ essence, parameters, form }: MediaType): string {
  return essence + parameters + (form === "text" ? "; charset=UTF-8" : "");
}

/** `application/json`, and what is JSON by its suffix. */
export function isJsonType({ essence }: MediaType): boolean {
  return essence === "application/json" || essence.endsWith("+json");
}

function describe(essence: string, plain: readonly string[], hasCharset: boolean): MediaType {
  const parameters = plain.map((parameter) => `; ${parameter}`).join("");
  if (UTF8_TYPES.has(essence)) return { essence, parameters, form: "utf8", known: true };
  if (TEXT_TYPES.has(essence)) return { essence, parameters, form: "text", known: true };
  if (BINARY_TYPES.has(essence) || BINARY_FAMILY.test(essence)) {
    return { essence, parameters, form: "binary", known: true };
  }
  if (hasCharset) return { essence, parameters, form: "text", known: true };
  return { essence, parameters, form: essence.startsWith("text/") ? "text" : "binary", known: false };
}
