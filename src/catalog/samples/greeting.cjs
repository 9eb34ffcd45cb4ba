/**
 * Returns a friendly greeting.
 *
 * @param params `name` (or `payload`): a person's name; `place`: where the person is from
 */
function main(params) {
  console.log("params:", params);
  const name = params.name || params.payload || "stranger";
  const place = params.place || "somewhere";
  return { payload: `Hello, ${name} from ${place}!` };
}

exports.main = main;
