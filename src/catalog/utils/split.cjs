/**
 * Splits a text into an array.
 *
 * @param params `payload`: the text; `separator`: a text or, between slashes, a regular expression; line ends when absent
 */
function main({ payload = "", separator }) {
  const text = String(payload);
  try {
    return { lines: text.split(separatorOf(separator)), payload: text };
  } catch (error) {
    return { error: `The separator '${separator}' is no regular expression: ${error.message}` };
  }
}

function separatorOf(separator) {
  if (separator === undefined || separator === "") return /\r?\n/;
  const [, pattern, flags] = /^\/(.+)\/([imsu]*)$/.exec(String(separator)) ?? [];
  return pattern === undefined ? String(separator) : new RegExp(pattern, flags);
}

exports.main = main;
