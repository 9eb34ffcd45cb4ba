/**
 * Does `each` for every item, `max` of them at once; results in the order of the items. The first failure is thrown, and nothing is
 * begun after it.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  max: number,
  each: (item: Item) => Result | Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  let failed = false;
  const work = async (): Promise<void> => {
    // One iterator for all: whoever is free takes the next.
    for (const [index, item] of queue) {
      if (failed) return;
      try {
        results[index] = await each(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(max, items.length) }, work));
  return results;
}
