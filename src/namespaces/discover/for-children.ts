// Namespaces that the children of a process will be in: unshare(2) and setns(2) of a pid or time namespace change these
// and not the process's own. Source: namespaces(7). Since: Linux 4.12 (pid), 5.6 (time).

import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { pathDoor, taskFolder } from './door.ts';
import { linksOf } from './process-namespaces.ts';
import { noteNamespace, type Scan, type Source } from './scan.ts';

export const forChildrenKinds: readonly NamespaceKind[] = ['pid', 'time'];

export const forChildren: Source = {
  name: 'namespaces for children',
  when: 'deep, for pid and time',
  cost: 'two readlinks per process',
  blind: 'what was made by unshare(2) before the first child: the kernel shows it only then',
  discover(scan) {
    for (const kind of forChildrenKinds.filter((kind) => scan.kinds.has(kind))) {
      const links = linksOf(scan, kind);
      for (const pid of scan.processes) noteForChildren(scan, kind, { pid, tid: pid }, links.get(pid));
    }
  },
};

/** `own` is the link of the task itself, which says nothing new. */
export function noteForChildren(
  scan: Scan,
  kind: NamespaceKind,
  task: { readonly pid: number; readonly tid: number },
  own: string | undefined,
): void {
  const path = `${taskFolder(task)}/ns/${kind}_for_children`;
  const link = scan.host.readLink(path);
  // Refusals were counted with the process; a zombie, and a fresh namespace without its first child, have none.
  if (!link.ok || link.value === own) return;
  const namespace = noteNamespace(scan, link.value, path);
  if (namespace === undefined) return;
  namespace.holders.push({ type: 'for_children', ...task });
  namespace.door ??= pathDoor(path);
}
