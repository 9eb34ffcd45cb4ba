/** Returns the input. */
function main(params) {
  return params;
}

exports.main = main;
