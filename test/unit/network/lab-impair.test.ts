// Which impairments are set, left, replaced and removed, by what a link has.

import { expect, it } from 'vitest';
import { gap, value, type Host, type Reading } from '../../../src/kernel/host.ts';
import type { DetailedLink } from '../../../src/kernel/netlink/link-details.ts';
import { encodeNetem, type Netem } from '../../../src/kernel/netlink/netem.ts';
import { view } from '../../../src/kernel/netlink/message.ts';
import { impairSteps } from '../../../src/network/lab-impair.ts';
import type { Sight } from '../../../src/network/lab-sight.ts';
import type { Lab } from '../../../src/network/lab.ts';
import { end, namespace } from '../../support/labs.ts';

const slow: Netem = { delay: 20e6, jitter: 0, loss: 1, duplicate: 0, reorder: 0, rate: 0 };
const slower: Netem = { ...slow, delay: 30e6 };

/** Two links of a, eth0 and eth1, which are 7 and 8 there. */
function labOf(...impair: readonly (Netem | undefined)[]): Lab {
  const ends = impair.map((each, at) => ({ ...end(`a:eth${at}`), ...(each === undefined ? {} : { impair: each }) }));
  return {
    name: 'x',
    nodes: [namespace('a'), namespace('b')],
    links: ends.map((each, at) => ({ kind: 'veth', ends: [each, end(`b:eth${at}`)], mtu: null })),
    nat: [],
    publish: [],
  };
}

const links = ['eth0', 'eth1'].map((name, at) => [name, { name, ifindex: 7 + at } as DetailedLink] as const);
const sight: Sight = {
  node: namespace('a'),
  at: '/run/netns/a',
  inode: 7n,
  links: new Map(links),
  trees: new Set(),
  addresses: [],
  routes: [],
};

/** A host whose kernel tells of these what was asked of it. */
function hostWith(queues: ReadonlyMap<number, Netem>): Host {
  const told = Array.from(queues, ([ifindex, netem]) => encodeNetem(ifindex, netem).message);
  for (const message of told) view(message).setUint16(6, 2, true);
  return hostOf(value(told));
}

function hostOf(answer: Reading<readonly Uint8Array[]>): Host {
  return { netlink: () => answer } as unknown as Host;
}

const never: Host = {
  netlink: () => {
    throw new Error('it was asked');
  },
} as unknown as Host;

function steps(host: Host, lab: Lab, previous?: Lab): readonly string[] {
  return impairSteps(host, lab, previous, sight).map(({ what, isRight }) => (isRight ? `right: ${what}` : what));
}

const SLOW = 'eth0 impaired in a: delay 20ms, loss 1%';

it('asks nothing of a lab that has none', () => {
  expect(steps(never, labOf(undefined, undefined), labOf(undefined, undefined))).toEqual([]);
});

it('sets one, and leaves one that is right', () => {
  expect(steps(hostWith(new Map()), labOf(slow))).toEqual([SLOW]);
  expect(steps(hostWith(new Map([[7, slow]])), labOf(slow), labOf(slow))).toEqual([`right: ${SLOW}`]);
  expect(steps(hostWith(new Map([[8, slow]])), labOf(slow), labOf(slow))).toEqual([SLOW]);
});

it('replaces one that is another', () => {
  expect(steps(hostWith(new Map([[7, slower]])), labOf(slow), labOf(slow))).toEqual([SLOW]);
});

it('removes one that is wanted no more, if it is still there, and no other', () => {
  const both = new Map([
    [7, slow],
    [8, slow],
  ]);
  expect(steps(hostWith(both), labOf(undefined, undefined), labOf(slow, undefined))).toEqual([
    'eth0 no longer impaired in a',
  ]);
  expect(steps(hostWith(new Map()), labOf(undefined), labOf(slow))).toEqual([]);
  // Somebody else's, on a link of ours.
  expect(steps(never, labOf(undefined), labOf(undefined))).toEqual([]);
});

it('plans it where the kernel has no traffic control, which refuses it then', () => {
  expect(steps(hostOf(gap({ reason: 'unsupported', what: 'netlink', errno: 'EOPNOTSUPP' })), labOf(slow))).toEqual([
    SLOW,
  ]);
  const denied = hostOf(gap({ reason: 'denied', what: 'netlink', errno: 'EPERM' }));
  expect(() => steps(denied, labOf(slow))).toThrow('DENIED');
});
