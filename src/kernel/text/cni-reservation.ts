// A file of CNI's host-local: an address that is reserved, by its name; for whom, by its text. Source: containernetworking,
// plugins/ipam/host-local/backend/disk/backend.go.

import { value, gap, type Reading } from '../host.ts';
import { decodeText } from './text.ts';

export interface CniReservation {
  /** Of the container, as its engine has it. */
  readonly container: string;
  /** Absent (null): written before the plugins noted it (0.7). */
  readonly interface: string | null;
}

export function parseCniReservation(bytes: Uint8Array, file: string): Reading<CniReservation> {
  const [container = '', link = '', ...more] = decodeText(bytes).trimEnd().split(/\r?\n/);
  // An id is a word: else it is a file of somebody else.
  if (!/^[A-Za-z0-9][\w.-]*$/.test(container) || more.length > 0) {
    return gap({ reason: 'malformed', what: file, line: 1, text: container.slice(0, 80) });
  }
  return value({ container, interface: link.trim() === '' ? null : link.trim() });
}
