// What is in a user namespace: its maps.

import { gap, value } from '../../kernel/host.ts';
import { parseIdMap } from '../../kernel/text/id-map.ts';
import { decodeText } from '../../kernel/text/text.ts';
import type { Section } from './fact.ts';
import { readThrough, type SeenNamespace, type Side } from './side.ts';

/** Source: user_namespaces(7). Each range as the kernel writes it for us: first id inside, first outside, how many. */
export function idMapSections(side: Side, namespace: SeenNamespace): readonly Section[] {
  return [mapSection(side, namespace, 'uid_map'), mapSection(side, namespace, 'gid_map'), setgroups(side, namespace)];
}

function mapSection(side: Side, namespace: SeenNamespace, what: 'uid_map' | 'gid_map'): Section {
  const ranges = readThrough(side, namespace, (host, pid) => {
    const path = `/proc/${pid}/${what}`;
    const bytes = host.readFile(path);
    return bytes.ok ? parseIdMap(bytes.value, path) : bytes;
  });
  if (!ranges.ok) return { subject: what, facts: ranges };
  // -1 is how the kernel writes an id that has none on our side.
  const lines = ranges.value.map(({ inside, outside, count }) => `${inside} ${outside ?? '-1'} ${count}`);
  return { subject: what, facts: value([{ what, name: null, value: lines }]) };
}

function setgroups(side: Side, namespace: SeenNamespace): Section {
  const what = 'setgroups';
  const word = readThrough(side, namespace, (host, pid) => {
    const path = `/proc/${pid}/setgroups`;
    const bytes = host.readFile(path);
    if (!bytes.ok) return bytes;
    const text = decodeText(bytes.value).trim();
    return text === 'allow' || text === 'deny' ? value(text) : gap({ reason: 'malformed', what: path, text });
  });
  return { subject: what, facts: word.ok ? value([{ what, name: null, value: word.value }]) : word };
}
