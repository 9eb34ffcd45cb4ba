/**
 * Nests all properties under a given one.
 *
 * @param params `$fieldName`: the name of that property; everything else goes below it
 */
function main({ $fieldName, ...rest }) {
  if (typeof $fieldName !== "string") return { error: "Expected an argument '$fieldName' of type 'string'." };
  return { [$fieldName]: rest };
}

exports.main = main;
