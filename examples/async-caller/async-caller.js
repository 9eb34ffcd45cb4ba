const openwhisk = require("openwhisk");

// Calls another action once per name, all at the same time. The key to do that with is in the environment because the action is
// annotated with provide-api-key.
async function main({ names = ["Ada", "Grace"], action = "hello" }) {
  const { actions } = openwhisk();
  const results = await Promise.all(
    names.map((name) => actions.invoke({ name: action, params: { name }, blocking: true, result: true })),
  );
  return { greetings: results.map((result) => result.greeting) };
}
