// Files that execve(2) refuses with EPERM, root too: the effective bit is set, and a permitted capability is not in the
// bounding set. No capability is asked for then. Source: security/commoncap.c bprm_caps_from_vfs_caps().

import { valueOf, type Host } from '../kernel/host.ts';
import { CAPABILITY_ATTRIBUTE, decodeFileCapabilities } from './file-capabilities.ts';
import { formatCapabilityText } from './text.ts';

export interface ExecHazard {
  readonly path: string;
  /** What the file carries, in libcap's words. */
  readonly capabilities: string;
}

/** Words that may name programs are looked up so often. */
const MOST_WORDS = 50;

/** Which of the programs that these words may name carry such capabilities, whatever the bounding set is. */
export function execHazards(host: Host, words: readonly string[], search: string, all: bigint): readonly ExecHazard[] {
  const found = new Map<string, ExecHazard>();
  for (const word of new Set(words.flatMap((text) => text.split(/\s+/)).slice(0, MOST_WORDS))) {
    if (word === '' || word.startsWith('-')) continue;
    const paths = word.includes('/') ? [word] : search.split(':').map((folder) => `${folder}/${word}`);
    const hazard = paths.map((path) => hazardOf(host, path, all)).find((one) => one !== undefined);
    if (hazard !== undefined) found.set(hazard.path, hazard);
  }
  return [...found.values()];
}

function hazardOf(host: Host, path: string, all: bigint): ExecHazard | undefined {
  const bytes = valueOf(host.attribute({ name: CAPABILITY_ATTRIBUTE, path, follow: true }));
  const decoded = bytes === undefined || bytes === null ? undefined : decodeFileCapabilities(bytes);
  if (decoded?.ok !== true || !decoded.capabilities.effective) return undefined;
  const { permitted, inheritable } = decoded.capabilities;
  const sets = { effective: permitted | inheritable, permitted, inheritable };
  return { path, capabilities: formatCapabilityText(sets, all) };
}
