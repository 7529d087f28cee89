// The capabilities of the files that processes execute. They are asked of /proc/PID/exe, which leads to the file itself:
// its path is of another root, and by now another file may bear it.

import {
  CAPABILITY_ATTRIBUTE,
  decodeFileCapabilities,
  type FileCapabilities,
} from '../../capabilities/file-capabilities.ts';
import { fileCapabilityText } from '../../capabilities/file-text.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';

/** As getcap(8) -n writes it. Absent (null): it has none, there is no file, or a gap says why it is not known. */
export function executableCapabilities(host: Host, pid: number, all: bigint, gaps: GapTally): string | null {
  const path = `/proc/${pid}/exe`;
  const bytes = host.attribute({ name: CAPABILITY_ATTRIBUTE, path, follow: true });
  if (!bytes.ok) {
    // The kernel's threads and zombies execute nothing.
    if (bytes.gap.reason !== 'gone') gaps.add('executable', bytes.gap);
    return null;
  }
  if (bytes.value === null) return null;
  const decoded = decodeFileCapabilities(bytes.value);
  if (decoded.ok) return textOf(decoded.capabilities, all);
  gaps.add('executable', { reason: 'malformed', what: path, line: 1, text: decoded.problem });
  return null;
}

/** As getcap(8) writes a file of a user namespace: `cap_net_raw=ep [rootid=100000]`. */
function textOf(capabilities: FileCapabilities, all: bigint): string {
  const text = fileCapabilityText(capabilities, all);
  return capabilities.rootid === 0 ? text : `${text} [rootid=${capabilities.rootid}]`;
}
