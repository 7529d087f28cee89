// Descriptors: open files of /proc/PID/ns, and the sockets, files and watches that other sources look at.
// Source: proc_pid_fd(5).

import { parseDecimal, parseUnsigned64 } from '../../kernel/text/text.ts';
import type { DescriptorUse } from '../holder.ts';
import { pathDoor, taskFolder } from './door.ts';
import { noteNamespace, type Scan, type Source } from './scan.ts';

export const descriptors: Source = {
  name: 'descriptors',
  when: 'deep',
  cost: 'one directory per table of descriptors and one readlink per descriptor',
  blind: 'descriptors in flight (SCM_RIGHTS), in rings of io_uring, and those of other users',
  discover(scan) {
    const wanted = new Set<string>(scan.kinds);
    for (const { pid, tid } of scan.deep.tables) {
      const folder = `${taskFolder({ pid, tid })}/fd`;
      const names = scan.host.readDirectory(folder);
      if (!names.ok) {
        if (names.gap.reason !== 'gone') scan.gaps.add('descriptor table', names.gap);
        continue;
      }
      for (const name of names.value) {
        const fd = parseDecimal(name);
        if (fd !== undefined) noteDescriptor(scan, wanted, { pid, tid, fd }, `${folder}/${name}`);
      }
    }
  },
};

const WATCHES: ReadonlySet<string> = new Set(['anon_inode:inotify', 'anon_inode:[fanotify]']);

function noteDescriptor(scan: Scan, wanted: ReadonlySet<string>, use: DescriptorUse, path: string): void {
  const link = scan.host.readLink(path);
  // Closed since the directory was read.
  if (!link.ok) return;
  const text = link.value;
  if (text.startsWith('/')) {
    if (/\/tap[0-9]+$/.test(text)) scan.deep.taps.push(use);
    else scan.deep.files.push({ use, text });
    return;
  }
  const kind = text.slice(0, text.indexOf(':'));
  if (kind === 'socket') noteSocket(scan, use, text);
  else if (WATCHES.has(text)) scan.deep.watches.push(use);
  else if (text === 'anon_inode:[io_uring]') scan.deep.rings.push(use);
  else if (wanted.has(kind)) noteFile(scan, use, text, path);
}

function noteSocket(scan: Scan, use: DescriptorUse, text: string): void {
  const inode = parseUnsigned64(text.slice('socket:['.length, -1));
  if (inode === undefined) return;
  const uses = scan.deep.sockets.get(inode);
  if (uses === undefined) scan.deep.sockets.set(inode, [use]);
  else uses.push(use);
}

function noteFile(scan: Scan, use: DescriptorUse, text: string, path: string): void {
  const namespace = noteNamespace(scan, text, path);
  if (namespace === undefined) return;
  namespace.holders.push({ type: 'descriptor', ...use });
  namespace.door ??= pathDoor(path);
}
