/**
 * The beginning of an array.
 *
 * @param params `lines`: an array; `num`: how many of them, 1 when absent
 */
function main({ lines = [], num = 1 }) {
  if (!Array.isArray(lines)) return { error: "Expected an argument 'lines' of type 'array'." };
  if (!Number.isInteger(num) || num < 0) return { error: "Expected an argument 'num' of type 'integer', not below 0." };
  return { lines: lines.slice(0, num), num };
}

exports.main = main;
