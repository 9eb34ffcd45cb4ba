import type { KeyValue } from "../../kernel/action.ts";
import type { Action } from "./action.ts";
import type { Package } from "./package.ts";
import { type EntityRef, nameOf } from "./ref.ts";
import { mergedOf, type ReachedPackage } from "./resolver.ts";

interface BindingView {
  readonly namespace: string;
  readonly name: string;
}

interface PackageBrief {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly publish: boolean;
  readonly annotations: readonly KeyValue[];
  readonly updated: number;
}

/** A package as writes answer it. */
export interface PackageView extends PackageBrief {
  readonly parameters: readonly KeyValue[];
  /** Without members where it is no binding. */
  readonly binding: BindingView | Record<string, never>;
}

/** An action as its package tells of it. */
export interface PackagedAction {
  readonly name: string;
  readonly version: string;
  readonly annotations: readonly KeyValue[];
}

/** A package as it is read: with its actions, and those of them that are feeds apart. */
export interface WholePackageView extends PackageView {
  readonly actions: readonly PackagedAction[];
  readonly feeds: readonly PackagedAction[];
}

export function packageView(folder: Package): PackageView {
  const { parameters, binding } = folder;
  return { ...common(folder), parameters, binding: binding === undefined ? {} : bindingView(binding) };
}

/** A package, or a binding with what its provider lends it. */
export function wholePackageView(
  { provider, binding }: ReachedPackage,
  actions: readonly PackagedAction[],
): WholePackageView {
  const shown = binding === undefined ? provider : { ...binding, parameters: mergedOf(provider, binding) };
  return {
    ...packageView(shown),
    actions: actions.filter((action) => !isFeed(action)),
    feeds: actions.filter(isFeed),
  };
}

/** A package as an item of a list. That `binding` is `false` there where it is `{}` elsewhere is OpenWhisk's, and clients know it. */
export function briefPackageView(folder: Package): PackageBrief & { readonly binding: BindingView | false } {
  return { ...common(folder), binding: folder.binding === undefined ? false : bindingView(folder.binding) };
}

export function packagedAction({ path, version, annotations }: Action): PackagedAction {
  return { name: nameOf(path), version, annotations };
}

/** Whatever the annotation says: that it is there counts. */
function isFeed({ annotations }: PackagedAction): boolean {
  return annotations.some(({ key }) => key === "feed");
}

function common({ namespace, path, version, publish, annotations, updated }: Package): PackageBrief {
  return { namespace, name: path, version, publish, annotations, updated };
}

function bindingView({ namespace, path }: EntityRef): BindingView {
  return { namespace, name: path };
}
