// Every capability that the running kernel knows.

import type { Host, Reading } from '../kernel/host.ts';
import { LAST_CAPABILITY_FILE, parseLastCapability } from '../kernel/text/last-capability.ts';

/** As a mask. Source: capabilities(7). Since: Linux 3.2. */
export function allCapabilities(host: Host): Reading<bigint> {
  const bytes = host.readFile(LAST_CAPABILITY_FILE);
  return bytes.ok ? parseLastCapability(bytes.value, LAST_CAPABILITY_FILE) : bytes;
}
