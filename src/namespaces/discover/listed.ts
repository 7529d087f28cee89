// The kernel's own list of namespaces. Source: listns(2), nsfs file handles. Since: Linux 6.19.

import { kindFacts, kindOfFlag } from '../../kernel/abi/namespace-kinds.ts';
import { gap, type NamespaceDoor, type Reading } from '../../kernel/host.ts';
import { formatNamespaceLink, type NamespaceId } from '../../kernel/text/namespace-link.ts';
import { relateAll } from './relations.ts';
import { noteNamespace, type Scan, type Source } from './scan.ts';

export const listed: Source = {
  name: "the kernel's list",
  when: 'deep; Linux 6.19; namespaces of others: root in the initial namespaces only',
  cost: 'a few system calls, and two for each namespace that was not known',
  blind: 'what holds them; those that only a socket, a tun device or a kernel mount keeps',
  discover(scan) {
    const types = [...scan.kinds].reduce((flags, kind) => flags | kindFacts(kind).flagValue, 0);
    const ids = scan.host.listNamespaces({ types, owner: 0n });
    scan.deep.isListed = ids.ok;
    // That it is unsupported is said with what it hides: see in-flight.ts.
    if (!ids.ok) return;
    const known = new Set([...scan.namespaces.values()].map((namespace) => namespace.id));
    for (const id of ids.value) if (!known.has(id)) open(scan, id);
    relateAll(scan);
  },
};

function open(scan: Scan, id: bigint): void {
  const door: NamespaceDoor = { id, type: 0, inode: 0n };
  const found = describe(scan, door);
  if (!found.ok) {
    if (found.gap.reason !== 'gone') scan.gaps.add('listed namespace', found.gap);
    return;
  }
  const namespace = noteNamespace(scan, formatNamespaceLink(found.value), 'listns');
  if (namespace === undefined) return;
  // Known already by what does not tell its id.
  const isNew = namespace.pids.length + namespace.holders.length === 0 && namespace.door === undefined;
  if (isNew) namespace.holders.push({ type: 'unseen' });
  namespace.id = id;
  namespace.door ??= { at: door, through: [] };
}

function describe(scan: Scan, door: NamespaceDoor): Reading<NamespaceId> {
  const type = scan.host.askNamespace(door, ['NS_GET_NSTYPE']);
  if (!type.ok) return type;
  const inode = scan.host.askNamespace(door, []);
  if (!inode.ok) return inode;
  const kind = kindOfFlag(Number(type.value));
  if (kind === undefined) return gap({ reason: 'unsupported', what: `namespace type 0x${type.value.toString(16)}` });
  return { ok: true, value: { kind, inode: inode.value } };
}
