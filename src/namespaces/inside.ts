// What only who is in a namespace is told: names, objects, the root of cgroups.

import {
  gap,
  valueOf,
  value,
  type EnterableKind,
  type Host,
  type NamespaceDoor,
  type Reading,
} from '../kernel/host.ts';
import { decodeText } from '../kernel/text/text.ts';

/** A namespace that may be looked at from inside. */
export interface Inside {
  readonly host: Host;
  readonly kind: EnterableKind;
  /** Absent (undefined): the namespace is our own, and nothing need be entered. */
  readonly door: NamespaceDoor | undefined;
}

/** The way into a namespace; a gap where there is none. `text` is that of its link, `uts:[4026531838]`. */
export function insideOf(
  host: Host,
  kind: EnterableKind,
  text: string,
  door: NamespaceDoor | undefined,
): Reading<Inside> {
  if (valueOf(host.readLink(`/proc/self/ns/${kind}`)) === text) return value({ host, kind, door: undefined });
  if (door === undefined) return gap({ reason: 'unsupported', what: `${text}: no way to it was found` });
  return value({ host, kind, door });
}

/** A file as it reads there. */
export function readInside({ host, kind, door }: Inside, path: string): Reading<Uint8Array> {
  return door === undefined ? host.readFile(path) : host.readFileInside({ kind, door, path });
}

/** The host name or NIS domain name of a uts namespace. Source: uts_namespaces(7). */
export function readName(inside: Inside, name: 'hostname' | 'domainname'): Reading<string> {
  const bytes = readInside(inside, `/proc/sys/kernel/${name}`);
  return bytes.ok ? value(decodeText(bytes.value).replace(/\n$/, '')) : bytes;
}
