// What the capability sets of a process come to: the same mask is root of the host in one user namespace, and harmless
// in another. Source: capabilities(7), user_namespaces(7), security/commoncap.c.

import { collapse } from '../../capabilities/expression.ts';
import { criticalCapabilities } from '../../capabilities/knowledge.ts';
import { SECBIT_NOROOT } from '../../capabilities/securebits.ts';
import type { CapabilitySets } from '../../capabilities/sets.ts';

/** What is known of a process. */
export interface Standing {
  readonly sets: CapabilitySets;
  /** What the kernel knows. Absent (undefined): not told. */
  readonly all: bigint | undefined;
  /** Absent (null): a kernel that has none. */
  readonly noNewPrivileges: boolean | null;
  /** Absent (null): not told; then taken for none set, and said. */
  readonly securebits: number | null;
  /** Its real and effective uid, as its own user namespace has them. Absent (null): not mapped, or not told. */
  readonly realUid: number | null;
  readonly effectiveUid: number | null;
  /** Is its effective uid 0 to the initial user namespace? Absent (null): not told. */
  readonly isRootOutside: boolean | null;
  /** Absent (null): closed to us. */
  readonly namespace: { readonly inode: bigint; readonly initial: boolean; readonly owner: number | null } | null;
}

/**
 * Of what it is permitted, which it can make effective at any time. `host_root`: all, or one that gives the rest, on the
 * host. `host_part`: others there. `namespace_root`, `namespace_part`: all, or some, in a user namespace only.
 */
export type VerdictCode = 'host_root' | 'host_part' | 'namespace_root' | 'namespace_part' | 'none' | 'unknown';

export interface Verdict {
  readonly code: VerdictCode;
  /** What execve(2) can add, and how: of any program, as its uid is 0; of one that is setuid root or has capabilities. */
  readonly regains: { readonly mask: bigint; readonly by: 'uid_0' | 'file' } | null;
  readonly text: string;
}

export function verdictOn(standing: Standing): Verdict {
  const { sets, all, namespace } = standing;
  const regains = regained(standing);
  const code = verdictCode(sets, all, namespace);
  const shown = collapse(sets.permitted, all);
  const where =
    namespace === null
      ? ''
      : `the user namespace ${namespace.inode}, owned by ${namespace.owner === null ? 'nobody who is told' : `uid ${namespace.owner}`}`;
  const critical = sets.permitted & criticalCapabilities;
  const said: Record<VerdictCode, string> = {
    host_root:
      shown === 'full' || critical === 0n
        ? 'root of the host: every capability, in the initial user namespace'
        : `root of the host: ${collapse(critical, undefined)} in the initial user namespace ${isOne(critical) ? 'gives' : 'give'} the rest`,
    host_part: `part of root of the host: ${shown} in the initial user namespace`,
    namespace_root: `root only of ${where}`,
    namespace_part: `${shown} only in ${where}`,
    none: 'no capability',
    unknown: `${shown}, but in which user namespace is closed to us`,
  };
  return { code, regains, text: [said[code], ...remarks(standing, regains)].join('; ') };
}

function isOne(mask: bigint): boolean {
  return (mask & (mask - 1n)) === 0n;
}

/** What the sets come to where they count; without a namespace that is not known. */
export function verdictCode(
  { permitted }: Pick<CapabilitySets, 'permitted'>,
  all: bigint | undefined,
  namespace: { readonly initial: boolean } | null,
): VerdictCode {
  if (permitted === 0n) return 'none';
  if (namespace === null) return 'unknown';
  const isFull = all !== undefined && (all & ~permitted) === 0n;
  if (!namespace.initial) return isFull ? 'namespace_root' : 'namespace_part';
  return isFull || (permitted & criticalCapabilities) !== 0n ? 'host_root' : 'host_part';
}

/** The rule of execve(2), of a plain file where the uid is 0, else of the best file that can be. */
function regained(standing: Standing): Verdict['regains'] {
  const { sets, noNewPrivileges, securebits, realUid, effectiveUid } = standing;
  // Then the new sets are cut to what is permitted already.
  if (noNewPrivileges === true) return null;
  const mask = (sets.bounding | sets.inheritable) & ~sets.permitted;
  if (mask === 0n) return null;
  const isRoot = (realUid === 0 || effectiveUid === 0) && ((securebits ?? 0) & SECBIT_NOROOT) === 0;
  return { mask, by: isRoot ? 'uid_0' : 'file' };
}

/** A process with uid 0 and SECBIT_NOROOT looks the same from outside. */
const UNTOLD = ' (unless its securebits, which are unknown, have noroot)';

function remarks(
  { sets, all, noNewPrivileges, securebits, isRootOutside, namespace }: Standing,
  regains: Verdict['regains'],
): string[] {
  const { permitted, effective, bounding, inheritable } = sets;
  const said: string[] = [];
  if (permitted !== 0n && effective === 0n) said.push('none of it effective, until capset(2) makes it so');
  if (namespace !== null && !namespace.initial && isRootOutside === true)
    said.push('to files it is uid 0 of the host all the same');
  if (regains !== null) {
    const gained = collapse(regains.mask | permitted, all);
    said.push(
      regains.by === 'uid_0'
        ? `execve(2) of any program makes that ${gained}, as its uid is 0${securebits === null ? UNTOLD : ''}`
        : `execve(2) of a program that is setuid root or has capabilities can make that ${gained}`,
    );
  } else if (noNewPrivileges === true) said.push('no_new_privs keeps execve(2) from adding any');
  else if (((bounding | inheritable) & ~permitted) === 0n && permitted === 0n) said.push('execve(2) cannot give any');
  return said;
}
