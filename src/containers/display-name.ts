// What a person calls it, in the forms that targets take: `container:web`, `pod:default/web`, `unit:nginx.service`.

import { identifyPath } from './cgroup-identity.ts';
import type { Identity } from './identity.ts';

type Named = Pick<Identity, 'id' | 'name' | 'pod' | 'podNamespace' | 'podUid'>;

/** As docker abbreviates an id. */
const SHORT_ID = 12;

/** The container or pod, else the unit, that a process is part of; null: neither. The characters are anybody's. */
export function displayName(identity: Identity): string | null {
  if (identity.role === 'payload') return containerName(identity);
  return identity.unit === null ? null : `unit:${identity.unit}`;
}

/**
 * Whose a cgroup was, by its path alone, as nobody can be asked of one that is no more: `container:4c01db0b339c`, `pod:`
 * and a uid, `unit:nginx.service`. Absent (null): the path does not tell.
 */
export function pathName(path: string): string | null {
  const { levels, unit } = identifyPath(path);
  const level = levels.at(-1);
  if (level !== undefined) {
    const { id, name, podUid } = level;
    const named = containerName({ id, name, podUid, pod: null, podNamespace: null });
    if (named !== null) return named;
  }
  return unit === null ? null : `unit:${unit}`;
}

/** The container or pod that a process is in, or looks after. Absent (null) where there is none. */
export function containerName({ id, name, pod, podNamespace, podUid }: Named): string | null {
  if (pod !== null && podNamespace !== null) return `pod:${podNamespace}/${pod}`;
  if (name !== null) return `container:${name}`;
  if (id !== null) return `container:${/^[0-9a-f]{64}$/.test(id) ? id.slice(0, SHORT_ID) : id}`;
  return podUid === null ? null : `pod:${podUid}`;
}
