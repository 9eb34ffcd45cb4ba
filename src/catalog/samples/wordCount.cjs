/**
 * Counts the words of a text: what is between white space.
 *
 * @param params `payload`: the text
 */
function main({ payload }) {
  if (typeof payload !== "string") return { error: "Expected an argument 'payload' of type 'string'." };
  const words = payload.split(/\s+/).filter((word) => word !== "");
  console.log(`The message '${payload}' has ${words.length} words`);
  return { count: words.length };
}

exports.main = main;
