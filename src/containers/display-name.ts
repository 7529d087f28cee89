// What a person calls it, in the forms that targets take: `container:web`, `pod:default/web`, `unit:nginx.service`.

import type { Identity } from './identity.ts';

/** As docker abbreviates an id. */
const SHORT_ID = 12;

/** The container or pod, else the unit, that a process is part of; null: neither. The characters are anybody's. */
export function displayName(identity: Identity): string | null {
  if (identity.role === 'payload') return containerName(identity);
  return identity.unit === null ? null : `unit:${identity.unit}`;
}

/** The container or pod that a process is in, or looks after. Absent (null) where there is none. */
export function containerName(identity: Identity): string | null {
  const { id, name, pod, podNamespace, podUid } = identity;
  if (pod !== null && podNamespace !== null) return `pod:${podNamespace}/${pod}`;
  if (name !== null) return `container:${name}`;
  if (id !== null) return `container:${/^[0-9a-f]{64}$/.test(id) ? id.slice(0, SHORT_ID) : id}`;
  return podUid === null ? null : `pod:${podUid}`;
}
