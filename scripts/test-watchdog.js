// Loaded into each test file's process: one that is still there when its time is over says what keeps it, and fails.
// Without it a file whose test left a process or a socket behind would stand still until somebody stops the run.
const FILE_MS_MAX = Number(process.env.SKEIN_TEST_FILE_MS ?? 300_000);

setTimeout(() => {
  const resources = process.getActiveResourcesInfo().join(", ");
  process.stderr.write(`not over after ${FILE_MS_MAX} ms, kept by ${resources}: ${process.argv[1]}\n`);
  process.exit(1);
}, FILE_MS_MAX).unref();
