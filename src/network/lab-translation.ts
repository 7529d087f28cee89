// What a node of a lab translates, and what its kernel must be set to for that: by the lab alone.

import { NsError } from '../kernel/error.ts';
import { keyWord, type Setting } from '../kernel/setting-undo.ts';
import type { IpNet } from './ip-net.ts';
import {
  bridgeOf,
  endsOf,
  placeOf,
  type Lab,
  type LabEnd,
  type LabNat,
  type LabPublish,
  type PlaceNode,
} from './lab.ts';
import { isLoopback, type PublishedPort } from './nat.ts';

export interface Translation {
  readonly nat: readonly LabNat[];
  readonly published: readonly PublishedPort[];
}

/** The nodes that translate anything. */
export function translatingPlaces(lab: Lab): readonly PlaceNode[] {
  const { nat, publish } = lab;
  return [...new Set([...nat, ...publish].map(({ node }) => placeOf(lab, node)))];
}

/** Errors: BAD_VALUE. */
export function translationOf(lab: Lab, { name }: PlaceNode): Translation {
  const isHere = ({ node }: { readonly node: string }): boolean => placeOf(lab, node).name === name;
  const published = lab.publish.filter(isHere).map((each) => publishedPort(lab, name, each));
  return { nat: lab.nat.filter(isHere), published };
}

/** Where it leads to, in the lab. Errors: BAD_VALUE. */
function publishedPort(lab: Lab, node: string, publish: LabPublish): PublishedPort {
  const isTo = ({ address }: IpNet): boolean => address === publish.toAddress;
  for (const link of lab.links) {
    const ends = endsOf(link);
    const end = ends.find(({ addresses }) => addresses.some(isTo));
    const net = end?.addresses.find(isTo);
    if (end === undefined || net === undefined) continue;
    return { ...publish, net, ...linkTo(lab, node, end, ends) };
  }
  throw cannotPublish(publish, `nobody in ${lab.name} has the address ${publish.toAddress}`);
}

/** The node's own link to that end, and the bridge's port behind it. */
function linkTo(
  lab: Lab,
  node: string,
  end: LabEnd,
  ends: readonly LabEnd[],
): Pick<PublishedPort, 'link' | 'bridgePort'> {
  const near = ends.find((each) => each !== end);
  if (near === undefined || placeOf(lab, near.node).name !== node) return { link: null, bridgePort: null };
  const bridge = bridgeOf(lab, near);
  return bridge === undefined ? { link: near.link, bridgePort: null } : { link: bridge.name, bridgePort: near.link };
}

export interface NeededSetting extends Setting {
  readonly reason: string;
}

/** What the kernel must do besides, and why. Errors: BAD_VALUE. */
export function settingsOf({ nat, published }: Translation): readonly NeededSetting[] {
  const targets = [...nat.map(({ source }) => source.address), ...published.map(({ toAddress }) => toAddress)];
  const links = new Set(published.filter(isLoopback).map((each) => loopbackLink(each)));
  return [
    ...(targets.some((address) => !address.includes(':'))
      ? [{ key: 'net.ipv4.ip_forward', value: '1', reason: 'else nothing goes from one link to another' }]
      : []),
    ...(targets.some((address) => address.includes(':'))
      ? [{ key: IPV6_FORWARDING, value: '1', reason: 'the same for IPv6' }]
      : []),
    ...Array.from(links, (link) => ({
      key: `net.ipv4.conf.${keyWord(link)}.route_localnet`,
      value: '1',
      reason: `for 127.0.0.1, as it was asked for; what comes in by ${link} to 127.0.0.0/8 is dropped`,
    })),
  ];
}

export const IPV6_FORWARDING = 'net.ipv6.conf.all.forwarding';

/** By the ways to the nodes. Errors: BAD_VALUE. */
export function settingKeys(lab: Lab): ReadonlySet<string> {
  const places = lab.nodes.filter((node) => node.kind !== 'bridge');
  return new Set(
    places.flatMap((place) => {
      const keys = [...place.sysctls.keys(), ...settingsOf(translationOf(lab, place)).map(({ key }) => key)];
      return keys.map((key) => `${place.kind === 'host' ? '' : place.path} ${key}`);
    }),
  );
}

function loopbackLink(published: PublishedPort): string {
  if (published.link !== null) return published.link;
  throw cannotPublish(published, `no link of ours leads to ${published.toAddress} at once, so not at 127.0.0.1`);
}

export function cannotPublish({ address, port, protocol }: LabPublish, why: string): NsError {
  const where = address === null ? '' : `${address}:`;
  return new NsError('BAD_VALUE', { what: `port ${where}${port}/${protocol} cannot be published`, why });
}
