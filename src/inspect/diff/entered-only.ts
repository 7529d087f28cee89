// What is in namespaces that no file tells of from outside.

import { gap, value, type Reading } from '../../kernel/host.ts';
import { decodeText } from '../../kernel/text/text.ts';
import type { Fact, Section } from './fact.ts';
import { isOurs, type SeenNamespace, type Side } from './side.ts';

/** The names of a uts namespace: only those of our own can be read. Source: uts_namespaces(7). */
export function nameSections(side: Side, namespace: SeenNamespace): readonly Section[] {
  return ['hostname', 'domainname'].map((what) => ({ subject: what, facts: ownName(side, namespace, what) }));
}

function ownName({ host }: Side, namespace: SeenNamespace, what: string): Reading<readonly Fact[]> {
  if (!isOurs(host, namespace)) return insideOnly();
  const bytes = host.readFile(`/proc/sys/kernel/${what}`);
  return bytes.ok ? value([{ what, name: null, value: decodeText(bytes.value).replace(/\n$/, '') }]) : bytes;
}

/** Queues, semaphores and segments. Source: ipc_namespaces(7). */
export function ipcSections(): readonly Section[] {
  return [{ subject: 'list of ipc objects', facts: insideOnly() }];
}

/** Paths of cgroups, which are compared for processes, are written as we see them. Source: cgroup_namespaces(7). */
export function cgroupRootSections(): readonly Section[] {
  return [{ subject: 'cgroup root', facts: insideOnly() }];
}

function insideOnly(): Reading<never> {
  return gap({ reason: 'unsupported', what: 'only who is inside can read it' });
}
