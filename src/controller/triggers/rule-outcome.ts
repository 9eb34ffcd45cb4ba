import { Status } from "../../kernel/activation.ts";
import type { PlatformError } from "../../kernel/errors.ts";
import type { ActivationId } from "../../kernel/ids.ts";
import { refText } from "../entities/ref.ts";
import type { Rule } from "../entities/rule.ts";

/** What came of one rule when its trigger was fired. */
export type RuleOutcome =
  | { readonly rule: Rule; readonly kind: "started"; readonly activationId: ActivationId }
  | { readonly rule: Rule; readonly kind: "failed"; readonly error: PlatformError }
  | { readonly rule: Rule; readonly kind: "inactive" };

/** The same as a line of the trigger's record, as clients of OpenWhisk read it: JSON without spaces. */
// oxlint-disable-next-line typescript/consistent-return -- the switch is exhaustive, which the compiler checks
export function logLine(outcome: RuleOutcome): string {
  const [rule, action] = [refText(outcome.rule), refText(outcome.rule.action)];
  const line = (statusCode: number, what: object): string =>
    JSON.stringify({ statusCode, success: statusCode === Status.success, ...what, rule, action });
  switch (outcome.kind) {
    case "started":
      return line(Status.success, { activationId: outcome.activationId });
    case "inactive":
      return line(Status.applicationError, {
        error: `Rule '${rule}' is inactive, action '${action}' was not activated.`,
      });
    case "failed": {
      const { kind, message } = outcome.error;
      return line(kind.status >= 500 ? Status.whiskError : Status.applicationError, { error: message });
    }
  }
}
