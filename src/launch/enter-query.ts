// What `enter` was asked for, as data.

import type { NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import type { KernelText } from '../kernel/program.ts';

export interface EnterQuery {
  /** The process whose namespaces are meant. */
  readonly pid?: number | undefined;
  /** The kinds to enter of that process, without those in `files`. */
  readonly kinds: readonly NamespaceKind[] | 'all';
  /** The kinds to enter by a file. */
  readonly files: readonly { readonly kind: NamespaceKind; readonly path: string }[];
  /** `true`: the target's. */
  readonly root?: true | string | undefined;
  readonly workingDirectory?: true | string | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly preserveCredentials: boolean;
  readonly fork: boolean;
  /** Empty: a login shell. */
  readonly command: readonly KernelText[];
  readonly trace: boolean;
}
