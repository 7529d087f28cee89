// The capabilities of a file: the extended attribute security.capability, as bytes. Source: linux/capability.h
// (struct vfs_cap_data, struct vfs_ns_cap_data), security/commoncap.c get_vfs_caps_from_disk().

import { view } from '../kernel/netlink/message.ts';

export const CAPABILITY_ATTRIBUTE = 'security.capability';

export interface FileCapabilities {
  /**
   * 1: 32 bits of capabilities; read at execve(2), but no kernel since 4.14 takes it from setxattr(2) or tells it by
   * getxattr(2). 2: 64 bits. 3, since Linux 4.14: with the root of a user namespace.
   */
  readonly revision: 1 | 2 | 3;
  /** Masks: bit n is capability n. Bits that the running kernel does not know count nothing at execve(2). */
  readonly permitted: bigint;
  readonly inheritable: bigint;
  /** One bit for all: what the program is permitted is effective, too. */
  readonly effective: boolean;
  /** Which uid is 0 in the user namespace, and those below it, where they count. 0 in revisions 1 and 2. */
  readonly rootid: number;
}

export type DecodedFileCapabilities =
  { readonly ok: true; readonly capabilities: FileCapabilities } | { readonly ok: false; readonly problem: string };

const REVISIONS: readonly { readonly revision: 1 | 2 | 3; readonly length: number }[] = [
  { revision: 1, length: 12 },
  { revision: 2, length: 20 },
  { revision: 3, length: 24 },
];
const REVISION_SHIFT = 24;
const EFFECTIVE = 1;
const LOW = 0xffff_ffffn;

/**
 * As execve(2) reads it, which passes over flags that it does not know. What is not ok it calls EINVAL: then the file
 * cannot be executed, by anybody.
 */
export function decodeFileCapabilities(bytes: Uint8Array): DecodedFileCapabilities {
  if (bytes.length < 4) return { ok: false, problem: `it has ${bytes.length} bytes, and needs 12, 20 or 24` };
  const fields = view(bytes);
  const magic = fields.getUint32(0, true);
  const number = magic >>> REVISION_SHIFT;
  const known = REVISIONS.find(({ revision }) => revision === number);
  if (known === undefined) return { ok: false, problem: `its revision is ${number}, and the kernel knows 1, 2 and 3` };
  const { revision, length } = known;
  if (bytes.length !== length)
    return { ok: false, problem: `it has ${bytes.length} bytes, and revision ${revision} has ${length}` };
  const word = (at: number): bigint => (at < length ? BigInt(fields.getUint32(at, true)) : 0n);
  const capabilities: FileCapabilities = {
    revision,
    permitted: word(4) | (word(12) << 32n),
    inheritable: word(8) | (word(16) << 32n),
    effective: (magic & EFFECTIVE) !== 0,
    rootid: revision === 3 ? fields.getUint32(20, true) : 0,
  };
  return { ok: true, capabilities };
}

/** Of revisions 1 and 2 without the rootid, of 1 without the upper 32 bits: they have no room for them. */
export function encodeFileCapabilities(capabilities: FileCapabilities): Uint8Array {
  const { revision, permitted, inheritable, effective, rootid } = capabilities;
  const words = [
    ((revision << REVISION_SHIFT) | (effective ? EFFECTIVE : 0)) >>> 0,
    Number(permitted & LOW),
    Number(inheritable & LOW),
    Number((permitted >> 32n) & LOW),
    Number((inheritable >> 32n) & LOW),
    rootid,
  ];
  const { length } = REVISIONS.find((entry) => entry.revision === revision) ?? { length: 0 };
  const bytes = new Uint8Array(length);
  const fields = view(bytes);
  for (let at = 0; at < length; at += 4) fields.setUint32(at, words[at / 4] ?? 0, true);
  return bytes;
}
