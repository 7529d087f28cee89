// What is in a time namespace: the offsets of its clocks.

import { gap, value, type Host, type Reading } from '../../kernel/host.ts';
import { parseTimensOffsets, type ClockOffset } from '../../kernel/text/timens-offsets.ts';
import type { Section } from './fact.ts';
import { readThrough, type SeenNamespace, type Side } from './side.ts';

/** Source: time_namespaces(7). */
export function clockSections(side: Side, namespace: SeenNamespace): readonly Section[] {
  const offsets = readThrough(side, namespace, readOffsets);
  if (!offsets.ok) return [{ subject: 'clock offset', facts: offsets }];
  const facts = offsets.value.map(({ clock, seconds, nanoseconds }) => {
    return { what: 'clock offset', name: clock, value: `${seconds} s ${nanoseconds} ns` };
  });
  return [{ subject: 'clock offset', facts: value(facts) }];
}

/** The file tells of the namespace that the children of a process are born in, which may be another one. */
function readOffsets(host: Host, pid: number): Reading<readonly ClockOffset[]> {
  const own = host.readLink(`/proc/${pid}/ns/time`);
  if (!own.ok) return own;
  const path = `/proc/${pid}/ns/time_for_children`;
  const children = host.readLink(path);
  if (!children.ok) return children;
  if (own.value !== children.value) return gap({ reason: 'unsupported', what: `${path} is another namespace` });
  const file = `/proc/${pid}/timens_offsets`;
  const bytes = host.readFile(file);
  return bytes.ok ? parseTimensOffsets(bytes.value, file) : bytes;
}
