import type { JsonValue } from "../kernel/json.ts";

/** One action of the catalog: where its source is, and what is told of it. */
export interface CatalogAction {
  readonly name: string;
  /** Below this folder. */
  readonly file: string;
  /** In OpenWhisk's words where it has the same action: tools show them. */
  readonly annotations: Readonly<Record<string, JsonValue>>;
  readonly parameters?: Readonly<Record<string, JsonValue>>;
}

export interface CatalogPackage {
  readonly name: string;
  readonly annotations: Readonly<Record<string, JsonValue>>;
  readonly actions: readonly CatalogAction[];
}

const LINES = { name: "lines", required: true, type: "array", description: "An array of strings" };
const PAYLOAD = { name: "payload", required: true, description: "A string" };

const utils: CatalogPackage = {
  name: "utils",
  annotations: { description: "Building blocks that format and assemble data" },
  actions: [
    echo("utils/echo.cjs"),
    {
      name: "cat",
      file: "utils/cat.cjs",
      annotations: {
        description: "Concatenates input into a string",
        parameters: [{ ...LINES, description: "An array of strings or numbers" }],
        sampleInput: { lines: [4, 2, 3] },
        sampleOutput: { lines: [4, 2, 3], payload: "4\n2\n3" },
      },
    },
    {
      name: "date",
      file: "utils/date.cjs",
      annotations: {
        description: "Current date and time",
        parameters: [],
        sampleInput: {},
        sampleOutput: { date: "2016-03-22T00:59:55.961Z" },
      },
    },
    {
      name: "head",
      file: "utils/head.cjs",
      annotations: {
        description: "Extract prefix of an array",
        parameters: [LINES, { name: "num", required: false, type: "integer", description: "The length of the prefix" }],
        sampleInput: { lines: [4, 2, 3], num: 2 },
        sampleOutput: { lines: [4, 2], num: 2 },
      },
    },
    {
      name: "smash",
      file: "utils/smash.cjs",
      annotations: {
        description: "Nests all properties under given property",
        parameters: [
          { name: "$fieldName", required: true, type: "string", description: "Name of property to nest object under" },
        ],
        sampleInput: { a: 1, b: { c: 2, d: 3 }, $fieldName: "p" },
        sampleOutput: { p: { a: 1, b: { c: 2, d: 3 } } },
      },
    },
    {
      name: "sort",
      file: "utils/sort.cjs",
      annotations: {
        description: "Sorts an array",
        parameters: [LINES],
        sampleInput: { lines: [4, 2, 3] },
        sampleOutput: { lines: [2, 3, 4], length: 3 },
      },
    },
    {
      name: "split",
      file: "utils/split.cjs",
      annotations: {
        description: "Split a string into an array",
        parameters: [
          PAYLOAD,
          {
            name: "separator",
            required: false,
            description: "The character, or the regular expression, to use for splitting the string",
          },
        ],
        sampleInput: { payload: "one,two,three", separator: "," },
        sampleOutput: { lines: ["one", "two", "three"], payload: "one,two,three" },
      },
    },
    {
      name: "namespace",
      file: "utils/namespace.cjs",
      annotations: {
        description: "Returns namespace for the authorization key used to invoke this action",
        parameters: [],
        sampleInput: {},
        sampleOutput: { namespace: "guest" },
      },
    },
    {
      name: "select",
      file: "utils/select.cjs",
      annotations: {
        description: "Keeps some properties of an object",
        parameters: [{ name: "$fields", required: true, description: "Names of the properties to keep: an array" }],
        sampleInput: { a: 1, b: 2, c: 3, $fields: ["a", "c"] },
        sampleOutput: { a: 1, c: 3 },
      },
    },
  ],
};

const samples: CatalogPackage = {
  name: "samples",
  annotations: { description: "A suite of simple actions to help you get started" },
  actions: [
    {
      name: "helloWorld",
      file: "samples/helloWorld.cjs",
      annotations: {
        description: "Demonstrates logging facilities",
        parameters: [{ name: "payload", required: false, description: "The string to be included in the log record" }],
        sampleInput: { payload: "Cat" },
        sampleOutput: {},
        sampleLogOutput: "2016-03-22T01:02:26.387624916Z stdout: hello Cat!",
      },
    },
    {
      name: "greeting",
      file: "samples/greeting.cjs",
      annotations: {
        description: "Returns a friendly greeting",
        parameters: [
          { name: "name", required: false },
          { name: "place", required: false, description: "The string to be included in the return value" },
        ],
        sampleInput: { payload: "Cat", place: "Narrowsburg" },
        sampleOutput: { payload: "Hello, Cat from Narrowsburg!" },
        sampleLogOutput: "2016-03-22T01:07:08.384982272Z stdout: params: { payload: 'Cat', place: 'Narrowsburg' }",
      },
    },
    {
      name: "wordCount",
      file: "samples/wordCount.cjs",
      annotations: {
        description: "Count words in a string",
        parameters: [PAYLOAD],
        sampleInput: { payload: "Five fuzzy felines" },
        sampleOutput: { count: 3 },
        sampleLogOutput: "2016-03-22T01:10:07.361649586Z stdout: The message 'Five fuzzy felines' has 3 words",
      },
    },
    echo("samples/echo.cjs"),
    {
      name: "curl",
      file: "samples/curl.cjs",
      annotations: {
        description: "Fetches a URL",
        parameters: [
          { name: "payload", required: true, description: "A host or a URL" },
          { name: "method", required: false, description: "GET when absent" },
          { name: "body", required: false, description: "What to send" },
          { name: "timeout", required: false, type: "integer", description: "Milliseconds, at most 30000" },
        ],
        sampleInput: { payload: "example.com" },
        sampleOutput: {
          status: 200,
          headers: { "content-type": "text/html" },
          body: "<!doctype html>",
          truncated: false,
        },
      },
    },
  ],
};

const SCHEDULED = [
  { name: "startDate", required: false },
  { name: "stopDate", required: false },
];

const alarms: CatalogPackage = {
  name: "alarms",
  annotations: {
    description: "Alarms and periodic utility",
    parameters: [{ name: "trigger_payload", required: false }],
  },
  actions: [
    {
      name: "alarm",
      file: "alarms/feed.cjs",
      annotations: {
        feed: true,
        description: "Fire trigger when alarm occurs",
        parameters: [
          { name: "cron", required: true },
          { name: "timezone", required: false },
          ...SCHEDULED,
          { name: "maxTriggers", required: false },
          { name: "strict", required: false },
        ],
      },
    },
    {
      name: "interval",
      file: "alarms/feed.cjs",
      annotations: {
        feed: true,
        description: "Fire trigger at specified interval",
        parameters: [{ name: "minutes", required: true }, ...SCHEDULED],
      },
      parameters: { isInterval: true },
    },
    {
      name: "once",
      file: "alarms/feed.cjs",
      annotations: {
        feed: true,
        description: "Fire trigger once when alarm occurs",
        parameters: [
          { name: "date", required: true },
          { name: "deleteAfterFire", required: false },
        ],
      },
      parameters: { fireOnce: true },
    },
  ],
};

/** Everything that `whisk.system` offers to everybody. */
export const CATALOG: readonly CatalogPackage[] = [utils, samples, alarms];

function echo(file: string): CatalogAction {
  return {
    name: "echo",
    file,
    annotations: {
      description: "Returns the input",
      parameters: [{ name: "payload", required: false, description: "Any JSON entity" }],
      sampleInput: { payload: "Five fuzzy felines" },
      sampleOutput: { payload: "Five fuzzy felines" },
    },
  };
}
