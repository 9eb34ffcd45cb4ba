/**
 * Sorts an array, by the texts of its items as JavaScript does.
 *
 * @param params `lines`: an array of strings
 */
function main({ lines = [] }) {
  if (!Array.isArray(lines)) return { error: "Expected an argument 'lines' of type 'array'." };
  return { lines: [...lines].sort(), length: lines.length };
}

exports.main = main;
