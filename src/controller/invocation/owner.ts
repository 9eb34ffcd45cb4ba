import type { Namespace } from "../../kernel/ids.ts";
import type { SubjectStore } from "../../store/ports.ts";
import type { Identity, NamespaceLimits } from "../entitlement/identity.ts";

/** The identity of a namespace's owner as it stands now; undefined when he is blocked or gone. @throws `store/unavailable` */
export async function ownerOf(
  { subjects, limits }: { readonly subjects: SubjectStore; readonly limits: NamespaceLimits },
  namespace: Namespace,
): Promise<Identity | undefined> {
  const subject = await subjects.byNamespace(namespace);
  const own = subject?.namespaces.find(({ name }) => name === namespace);
  if (subject === undefined || own === undefined || subject.blocked) return undefined;
  const { uuid, key } = own;
  return { subject: subject.subject, namespace, namespaceUuid: uuid, authKey: `${uuid}:${key}`, limits };
}
