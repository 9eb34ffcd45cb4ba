/** The current date and time, as ISO 8601 text in UTC. */
function main() {
  return { date: new Date().toISOString() };
}

exports.main = main;
