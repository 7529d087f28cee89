// What is wrong on a way, as data: which code, where, told by what, and what mends it.

import type { DetailedLink } from '../../kernel/netlink/link-details.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import type { DoctorCode } from './codes.ts';
import type { Sight } from './sight.ts';

/** On which way it was met. `names`: that to a nameserver. */
export type Way = 'there' | 'back' | 'names';

export interface Finding {
  readonly code: DoctorCode;
  /** possible: it depends on something that is not known. */
  readonly certainty: 'certain' | 'possible';
  readonly place: NetworkNamespace;
  /** The name of the link. null: it is of no link. */
  readonly link: string | null;
  /** A sentence without its full stop. Names in it are data of others. */
  readonly what: string;
  /** What was read, each with where. */
  readonly evidence: readonly string[];
  /** null: nothing that one command does. */
  readonly fix: Fix | null;
  /** What two findings have in common that are one thing, met twice. Absent (null): the same words about the same place. */
  readonly key: string | null;
}

export interface Fix {
  /** A command and its arguments, to be run here. null: nobody can say it without knowing more. */
  readonly words: readonly string[] | null;
  /** What it does, or what is to be done. */
  readonly why: string;
}

type Optional = 'link' | 'evidence' | 'fix' | 'certainty' | 'key';

export function finding(
  code: DoctorCode,
  place: NetworkNamespace,
  what: string,
  more: Partial<Pick<Finding, Optional>> = {},
): Finding {
  return { code, place, what, certainty: 'certain', link: null, evidence: [], fix: null, key: null, ...more };
}

/** The same thing, met on the way there and back. */
export function isSame(a: Finding, b: Finding): boolean {
  if (a.code !== b.code) return false;
  return a.key === null ? a.place === b.place && a.link === b.link && a.what === b.what : a.key === b.key;
}

/** A command that is to be run in a network namespace. */
export function fixIn(sight: Sight, place: NetworkNamespace, words: readonly string[], why: string): Fix {
  const isOurs = place.door === undefined && place.way !== undefined;
  return { words: isOurs ? words : ['nstool', 'net', 'exec', sight.of(place).name, ...words], why };
}

export function advice(why: string): Fix {
  return { words: null, why };
}

const MOST_NAMED = 5;

/** The same of each link; of a bridge's hundreds not all. */
export function linksEvidence(links: readonly DetailedLink[], of: (name: string) => string): readonly string[] {
  const named = links.slice(0, MOST_NAMED).map(({ name }) => of(name));
  const more = links.length - named.length;
  return more > 0 ? [...named, `${more} more links: the same`] : named;
}

/** `eth0 in container:web`. */
export function linkIn(sight: Sight, place: NetworkNamespace, link: DetailedLink): string {
  return `${link.name} in ${sight.of(place).name}`;
}

const IFF_UP = 1;
const IFF_LOOPBACK = 8;
const IFF_NOARP = 0x80;

export function isUp({ flags }: DetailedLink): boolean {
  return (flags & IFF_UP) !== 0;
}

export function isLoopback({ flags }: DetailedLink): boolean {
  return (flags & IFF_LOOPBACK) !== 0;
}

export function asksNobody({ flags }: DetailedLink): boolean {
  return (flags & IFF_NOARP) !== 0;
}

export function familyOf(address: string): 'inet' | 'inet6' {
  return address.includes(':') ? 'inet6' : 'inet';
}
