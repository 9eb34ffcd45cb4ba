import { PlatformError } from "../../kernel/errors.ts";

/** What a function answered is not what it says, or not what the path asks for. The texts are OpenWhisk's. */
export function unfit(message: string): PlatformError<"result/unfit"> {
  return new PlatformError("result/unfit", message);
}

export function unfitFor(mediaType: string): PlatformError<"result/unfit"> {
  return unfit(`Response is not valid '${mediaType}'.`);
}
