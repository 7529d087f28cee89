import { randomBytes } from 'node:crypto';

/** A link address that no hardware has: locally administered, and of one link. */
export function newLinkAddress(): string {
  return ['02', ...Array.from(randomBytes(5), (byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
