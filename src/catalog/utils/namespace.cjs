/** The namespace of the key that the action was invoked with. */
function main() {
  return { namespace: process.env.__OW_NAMESPACE };
}

exports.main = main;
