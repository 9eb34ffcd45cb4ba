/**
 * Demonstrates logging: the greeting is in the activation's logs.
 *
 * @param params `payload`: whom to greet
 */
function main({ payload = "World" }) {
  console.log(`hello ${payload}!`);
  return {};
}

exports.main = main;
