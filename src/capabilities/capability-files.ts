// Files with capabilities: what each has, and whether that counts for who looks.

import { valueOf, type AttributeQuery, type Gap, type Host, type Reading } from '../kernel/host.ts';
import { parseMountinfo } from '../kernel/text/mountinfo.ts';
import { CAPABILITY_ATTRIBUTE, decodeFileCapabilities, type FileCapabilities } from './file-capabilities.ts';

/** What a file has. */
export type FileAttribute =
  | { readonly type: 'capabilities'; readonly capabilities: FileCapabilities }
  | { readonly type: 'none' }
  /** Some that count in no user namespace of the reader: the kernel does not tell which. */
  | { readonly type: 'foreign' }
  /**
   * The kernel takes the attribute for none of capabilities: execve(2) fails with EINVAL. But of revision 1 that is only
   * what it says to readers: execve takes it.
   */
  | { readonly type: 'malformed' }
  /** It could not be read. */
  | { readonly type: 'gap'; readonly gap: Gap };

export interface CapabilityFile {
  /** A byte that is no part of UTF-8 stands as U+DC00 and its value. */
  readonly path: string;
  readonly attribute: FileAttribute;
  /** Absent (null): not told. */
  readonly mount: MountPrivilege | null;
}

/**
 * Does the mount give privileges? Not one that is nosuid, nor one that is in no mount namespace that was looked at, as
 * below /proc/PID/root: who executes a file of another mount namespace gets none. Source: fs/namespace.c mnt_may_suid().
 */
export type MountPrivilege = 'suid' | 'nosuid' | 'elsewhere';

export interface CapabilityFiles {
  readonly files: readonly CapabilityFile[];
  /** How many regular files were asked. */
  readonly asked: number;
  readonly skipped: readonly { readonly path: string; readonly fileSystem: string }[];
  readonly gaps: readonly Gap[];
}

/** What a mount is by its id. */
export type MountPrivileges = (id: number) => MountPrivilege | null;

/** Of the mount namespaces of these processes. */
export function mountPrivileges(host: Host, processes: readonly (number | 'self')[]): MountPrivileges {
  const known = new Map<number, MountPrivilege>();
  let isWhole = true;
  for (const pid of processes) {
    const file = `/proc/${pid}/mountinfo`;
    const bytes = valueOf(host.readFile(file));
    const mounts = bytes === undefined ? undefined : valueOf(parseMountinfo(bytes, file));
    for (const { id, options } of mounts ?? []) known.set(id, options.includes('nosuid') ? 'nosuid' : 'suid');
    isWhole &&= mounts !== undefined;
  }
  return (id) => known.get(id) ?? (isWhole ? 'elsewhere' : null);
}

/** One file; a link is not followed. */
export function lookAtFile(host: Host, path: string, mounts: MountPrivileges): CapabilityFile {
  const query: AttributeQuery = { name: CAPABILITY_ATTRIBUTE, path, follow: false };
  const attribute = attributeOf(host.attribute(query));
  const mount = attribute.type === 'none' || attribute.type === 'gap' ? undefined : valueOf(host.mountOf(query));
  return { path, attribute, mount: mount === undefined ? null : mounts(mount) };
}

/** All files below a directory that have the attribute, by their paths. Errors: those of the directory itself. */
export function lookBelow(
  host: Host,
  path: string,
  mounts: MountPrivileges,
  progress?: (files: number, path: string) => void,
): Reading<CapabilityFiles> {
  const search = host.findAttributes({ name: CAPABILITY_ATTRIBUTE, path }, progress);
  if (!search.ok) return search;
  const { files: asked, found, skipped, gaps } = search.value;
  const files = found.map((file) => ({
    path: file.path,
    attribute: attributeOf(file.bytes),
    mount: file.mount === null ? null : mounts(file.mount),
  }));
  return { ok: true, value: { files: files.toSorted(byPath), asked, skipped, gaps } };
}

function byPath(a: CapabilityFile, b: CapabilityFile): number {
  return a.path < b.path ? -1 : Number(a.path > b.path);
}

function attributeOf(bytes: Reading<Uint8Array | null>): FileAttribute {
  if (!bytes.ok) return ofGap(bytes.gap);
  if (bytes.value === null) return { type: 'none' };
  const decoded = decodeFileCapabilities(bytes.value);
  return decoded.ok ? { type: 'capabilities', capabilities: decoded.capabilities } : { type: 'malformed' };
}

function ofGap(gap: Gap): FileAttribute {
  switch (gap.errno ?? '') {
    case 'EOVERFLOW':
      return { type: 'foreign' };
    case 'EINVAL':
      return { type: 'malformed' };
    // The file system has no attributes: nothing on it has capabilities.
    case 'EOPNOTSUPP':
      return { type: 'none' };
    default:
      return { type: 'gap', gap };
  }
}
