// Descriptors of files, by what fdinfo says of them: a namespace that was opened by its mount, or by open_tree(2), has a
// path for its link; a tun device may be named in any way; and some keep a namespace without telling which.
// Source: proc_pid_fdinfo(5), `ino:` since Linux 5.14; drivers/net/tun.c tun_chr_show_fdinfo(), `iff:`.
//
// No file is looked at itself but what is numbered as namespaces are: one of a network file system may never answer.

import { kindOfFlag } from '../../kernel/abi/namespace-kinds.ts';
import { valueOf, type Gap } from '../../kernel/host.ts';
import { formatNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { parseMountinfo } from '../../kernel/text/mountinfo.ts';
import { decodeText, parseDecimal } from '../../kernel/text/text.ts';
import type { DescriptorUse } from '../holder.ts';
import { pathDoor, taskFolder } from './door.ts';
import { nsfsDevice } from './nsfs-device.ts';
import { noteNamespace, type FileUse, type Scan, type Source } from './scan.ts';
import { noteUntold } from './untold.ts';

export const files: Source = {
  name: 'files',
  when: 'deep',
  cost: '0.02 ms per descriptor of a file other than /dev/null and terminals',
  blind: 'what is mounted in a tree that is mounted nowhere: that there are such descriptors is a gap',
  discover(scan) {
    const nsfs = nsfsDevice(scan.host);
    const detached: string[] = [];
    const ofProc: string[] = [];
    const known = new Map<string, ReadonlySet<number>>();
    for (const { use, text } of scan.deep.files) {
      if (PLAIN.test(text)) continue;
      const path = pathOf(use);
      if (OF_PROC_NET.test(text)) {
        ofProc.push(path);
        continue;
      }
      const info = infoOf(scan, { use, text });
      if (info.isTun) scan.deep.tuns.push(use);
      else if (nsfs !== undefined && mayBeNamespace(text, info) && isNamespace(scan, path, nsfs))
        noteFile(scan, use, path);
      else if (text === '/' && info.mount !== undefined && isDetached(scan, use, info.mount, known))
        detached.push(path);
    }
    if (scan.kinds.has('net')) noteUntold(scan, 'an open file of /proc/PID/net', ofProc);
    noteUntold(scan, 'a tree of mounts that is mounted nowhere', detached);
  },
};

/** What most descriptors are, and files in memory. */
const PLAIN = /^\/(?:dev\/(?:null|pts\/[0-9]+)$|memfd:)/;
/** These keep the network namespace that they were opened in, whatever became of the process. */
const OF_PROC_NET = /\/proc\/[0-9]+(?:\/task\/[0-9]+)?\/net\//;
/** Namespaces are numbered from a little below 0xf0000000. Source: include/linux/proc_ns.h, PROC_DYNAMIC_FIRST. */
const FIRST_INODE = 0xefff_ff00;
const LAST_INODE = 0xffff_ffff;

interface FileInfo {
  readonly isTun: boolean;
  /** undefined: the kernel does not tell. */
  readonly inode: number | undefined;
  readonly mount: number | undefined;
}

function pathOf(use: DescriptorUse): string {
  return `${taskFolder(use)}/fd/${use.fd}`;
}

function infoOf(scan: Scan, { use, text: link }: FileUse): FileInfo {
  const bytes = valueOf(scan.host.readFile(`${taskFolder(use)}/fdinfo/${use.fd}`));
  const text = bytes === undefined ? '' : decodeText(bytes);
  const number = (key: string): number | undefined =>
    parseDecimal(new RegExp(`^${key}:\\t([0-9]+)$`, 'm').exec(text)?.[1]);
  // What cannot be read is a tun device by its usual name.
  const isTun = bytes === undefined ? link.endsWith('/tun') : text.includes('\niff:');
  return { isTun, inode: number('ino'), mount: number('mnt_id') };
}

function mayBeNamespace(text: string, { inode }: FileInfo): boolean {
  return inode === undefined ? text === '/' : inode >= FIRST_INODE && inode <= LAST_INODE;
}

function isNamespace(scan: Scan, path: string, nsfs: bigint): boolean {
  return valueOf(scan.host.stat(path))?.dev === nsfs;
}

function noteFile(scan: Scan, use: DescriptorUse, path: string): void {
  const type = scan.host.askNamespace(path, ['NS_GET_NSTYPE']);
  if (!type.ok) return noteRefused(scan, type.gap);
  const inode = scan.host.askNamespace(path, []);
  if (!inode.ok) return noteRefused(scan, inode.gap);
  const kind = kindOfFlag(Number(type.value));
  if (kind === undefined || !scan.kinds.has(kind)) return;
  const namespace = noteNamespace(scan, formatNamespaceLink({ kind, inode: inode.value }), path);
  if (namespace === undefined) return;
  namespace.holders.push({ type: 'descriptor', ...use });
  namespace.door ??= pathDoor(path);
}

function noteRefused(scan: Scan, gap: Gap): void {
  if (gap.reason !== 'gone') scan.gaps.add('descriptor', gap);
}

/** Does no mount table have its mount? Most are in that of their own process. */
function isDetached(
  scan: Scan,
  { pid }: DescriptorUse,
  mount: number,
  known: Map<string, ReadonlySet<number>>,
): boolean {
  const own = valueOf(scan.host.readLink(`/proc/${pid}/ns/mnt`)) ?? '';
  // Of these only a part is told.
  if (scan.chrooted.has(own)) return false;
  const tables = new Map([[own, pid], ...scan.mountNamespaces]);
  for (const [text, through] of tables) {
    let ids = known.get(text);
    if (ids === undefined) known.set(text, (ids = mountIds(scan, through)));
    if (ids.has(mount)) return false;
  }
  return true;
}

function mountIds(scan: Scan, pid: number): ReadonlySet<number> {
  const path = `/proc/${pid}/mountinfo`;
  const bytes = valueOf(scan.host.readFile(path));
  const mounts = bytes === undefined ? undefined : valueOf(parseMountinfo(bytes, path));
  return new Set(mounts?.map(({ id }) => id));
}
