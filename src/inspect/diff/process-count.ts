// What is in a pid namespace: how many processes. Which ones changes from moment to moment.

import { gap, value, valueOf } from '../../kernel/host.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import type { Scan } from '../../namespaces/discover/scan.ts';
import { isOwn } from '../../namespaces/own.ts';
import type { Section } from './fact.ts';
import type { SeenNamespace, Side } from './side.ts';

/** Those in the namespace itself; those in namespaces below it are not counted. */
export function processCountSections({ host }: Side, { inode }: SeenNamespace): readonly Section[] {
  const subject = 'number of processes';
  if (!inode.ok) return [{ subject, facts: inode }];
  const scan = discoverNamespaces(host, new Set(['pid']));
  const text = `pid:[${inode.value}]`;
  const isOurs = isOwn(host, 'pid', inode.value);
  const seen = scan.namespaces.get(text)?.pids ?? [];
  if (seen.length === 0) {
    return [{ subject, facts: gap({ reason: 'unsupported', what: `${text}: no process that we see is in it` }) }];
  }
  const closed = closedProcesses(scan);
  const stranger = closed.find((pid) => pid !== FIRST);
  if (stranger !== undefined) {
    return [{ subject, facts: gap({ reason: 'denied', what: `/proc/${stranger}/ns/pid` }) }];
  }
  const count = seen.length + (isOurs ? closed.length : 0);
  return [{ subject, facts: value([{ what: 'processes', name: null, value: count }]) }];
}

/** Of our own pid namespace, whatever else of it is closed. */
const FIRST = 1;

function closedProcesses({ host, processes }: Scan): readonly number[] {
  const open = new Set(processes);
  const all = (valueOf(host.readDirectory('/proc')) ?? []).map(parseDecimal).filter((pid) => pid !== undefined);
  return all.filter((pid) => {
    if (open.has(pid)) return false;
    const link = host.readLink(`/proc/${pid}/ns/pid`);
    return !link.ok && link.gap.reason !== 'gone';
  });
}
