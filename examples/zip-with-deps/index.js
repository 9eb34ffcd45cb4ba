const dateFormat = require("dateformat");

exports.main = function main({ when = new Date().toISOString(), mask = "dddd, d mmmm yyyy" }) {
  const date = new Date(when);
  if (Number.isNaN(date.getTime())) return { error: `${JSON.stringify(when)} is no date` };
  return { text: dateFormat(date, mask, true) };
};
