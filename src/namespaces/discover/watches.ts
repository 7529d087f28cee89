// Watches of inotify and fanotify on the file of a namespace: they keep its inode, and that the namespace.
// Source: proc_pid_fdinfo(5), Linux 3.8; with the file handle, which tells the kind, for namespaces since Linux 6.18.

import { kindOfFlag } from '../../kernel/abi/namespace-kinds.ts';
import { valueOf } from '../../kernel/host.ts';
import { formatNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { decodeText } from '../../kernel/text/text.ts';
import type { DescriptorUse } from '../holder.ts';
import { taskFolder, type Door } from './door.ts';
import { kernelDevice, nsfsDevice } from './nsfs-device.ts';
import { noteNamespace, type Namespace, type Scan, type Source } from './scan.ts';
import { noteUntold } from './untold.ts';

export const watches: Source = {
  name: 'watches',
  when: 'deep',
  cost: 'one file per descriptor of inotify and fanotify',
  blind: 'before Linux 6.18 of what kind a namespace is that nothing else has shown: that there is one is a gap',
  discover(scan) {
    const device = nsfsDevice(scan.host);
    if (device === undefined) return;
    const untold: string[] = [];
    for (const use of scan.deep.watches) {
      for (const watch of watchesOf(scan, use, kernelDevice(device))) {
        if (!noteWatch(scan, use, watch)) untold.push(`${taskFolder(use)}/fd/${use.fd}`);
      }
    }
    if (untold.length > 0) noteUntold(scan, 'a watch of inotify or fanotify', untold);
  },
};

/** On a file of nsfs. */
interface Watch {
  readonly inode: bigint;
  /** The kernel's file handle, in hex: struct nsfs_file_handle. Absent (null) before Linux 6.18. */
  readonly handle: string | null;
}

function watchesOf(scan: Scan, use: DescriptorUse, device: bigint): readonly Watch[] {
  const bytes = valueOf(scan.host.readFile(`${taskFolder(use)}/fdinfo/${use.fd}`));
  const text = bytes === undefined ? '' : decodeText(bytes);
  const lines = text.matchAll(/^(?:inotify|fanotify) .*?\bino:([0-9a-f]+) sdev:([0-9a-f]+)( .*)?$/gm);
  return [...lines].flatMap(([, inode = '', sdev = '', rest = '']) => {
    if (BigInt(`0x${sdev}`) !== device) return [];
    return [{ inode: BigInt(`0x${inode}`), handle: /\bf_handle:([0-9a-f]{32})/.exec(rest)?.[1] ?? null }];
  });
}

/** false: of which kind the namespace is cannot be told. */
function noteWatch(scan: Scan, { pid, tid, fd }: DescriptorUse, { inode, handle }: Watch): boolean {
  const found = handle === null ? knownBy(scan, inode) : namespaceOf(scan, inode, handle);
  if (found === null) return false;
  found?.holders.push({ type: 'inotify', pid, tid, fd });
  return true;
}

/** null: unknown. */
function knownBy(scan: Scan, inode: bigint): Namespace | null {
  return [...scan.namespaces.values()].find((namespace) => namespace.inode === inode) ?? null;
}

/** null: the handle tells nothing; undefined: the namespace is of a kind that nobody asked for. */
function namespaceOf(scan: Scan, inode: bigint, handle: string): Namespace | null | undefined {
  const id = littleEndian(handle.slice(0, 16));
  const type = Number(littleEndian(handle.slice(16, 24)));
  const kind = kindOfFlag(type);
  if (kind === undefined) return null;
  if (!scan.kinds.has(kind)) return undefined;
  const namespace = noteNamespace(scan, formatNamespaceLink({ kind, inode }), 'fdinfo');
  const door: Door = { at: { id, type, inode }, through: [] };
  if (namespace !== undefined) namespace.door ??= door;
  return namespace;
}

function littleEndian(hex: string): bigint {
  return BigInt(`0x${hex.match(/../g)?.toReversed().join('') ?? '0'}`);
}
