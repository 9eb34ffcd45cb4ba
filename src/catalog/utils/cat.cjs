/**
 * Equivalent to the unix command: the lines, and all of them as one text.
 *
 * @param params `lines`: an array of strings or numbers; or `payload`, whose lines they are where there is no array
 */
function main({ lines = [], payload }) {
  if (!Array.isArray(lines)) return { error: "Expected an argument 'lines' of type 'array'." };
  const all = lines.length === 0 && typeof payload === "string" ? payload.split("\n") : lines;
  return { lines: all, payload: all.join("\n") };
}

exports.main = main;
