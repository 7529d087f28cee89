// All checks, in the order in which their findings are told.

import { capabilityChecks } from './capabilities.ts';
import { cgroupChecks } from './cgroups.ts';
import type { Check } from './check.ts';
import { fileChecks } from './files.ts';
import { hostChecks } from './host-sysctls.ts';
import { mountChecks } from './mounts.ts';
import { namespaceChecks } from './namespaces.ts';
import { securityChecks } from './security.ts';

export { hostChecks };

/** Of a process. */
export const processChecks: readonly Check[] = [
  ...namespaceChecks,
  ...capabilityChecks,
  ...securityChecks,
  ...mountChecks,
  ...cgroupChecks,
  ...fileChecks,
];

export const allChecks: readonly Check[] = [...processChecks, ...hostChecks];

/** The one that walks whole file systems. */
export const SLOW = 'F1';
