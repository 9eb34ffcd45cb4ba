/**
 * Keeps some properties of an object, and leaves out the others.
 *
 * @param params `$fields`: the names of those to keep, an array or a text with commas; what is not there is left out
 */
function main({ $fields, ...rest }) {
  const names = typeof $fields === "string" ? $fields.split(",").map((name) => name.trim()) : $fields;
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) {
    return { error: "Expected an argument '$fields': an array of strings, or a string with commas." };
  }
  return Object.fromEntries(names.filter((name) => Object.hasOwn(rest, name)).map((name) => [name, rest[name]]));
}

exports.main = main;
