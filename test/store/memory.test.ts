import { memoryStores } from "../../src/store/memory.ts";
import { testStores } from "../conformance/stores.ts";

testStores("memory", async (clock) => {
  const stores = memoryStores({ clock });
  return { stores, close: () => stores.close() };
});
