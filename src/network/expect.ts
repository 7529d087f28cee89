// From what is expected of a lab to what is asked of the network, and from the answer to a verdict.

import type { NamespaceDoor } from '../kernel/host.ts';
import { parseAddress } from '../kernel/netlink/address-text.ts';
import type { ProbeAnswer, ProbeQuestion } from '../kernel/probe.ts';
import type { LabExpectation } from './expectation.ts';
import { overlap, wholeNet, type IpNet } from './ip-net.ts';
import { endsOf, type Lab } from './lab.ts';

export interface Verdict {
  readonly passed: boolean;
  /** For people: what happened. */
  readonly told: string;
  readonly answer: ProbeAnswer | null;
}

/** By a way to it; null: our own. undefined: there is no such namespace in the lab. */
export function doorOf({ nodes }: Lab, name: string): NamespaceDoor | null | undefined {
  const node = nodes.find((each) => each.name === name);
  if (node === undefined || node.kind === 'bridge') return undefined;
  return node.kind === 'host' ? null : node.path;
}

/** The address by which `from` knows `to`: one in a net of its own, else the first. undefined: there is none. */
export function addressOf(lab: Lab, from: string, to: string): string | undefined {
  if (parseAddress(to) !== undefined) return to;
  const near = addressesOf(lab, from);
  const all = addressesOf(lab, to);
  return (all.find((net) => near.some((each) => overlap(each, wholeNet(net.address)))) ?? all[0])?.address;
}

/** Of a namespace those of its bridges, too. */
function addressesOf({ nodes, links }: Lab, name: string): readonly IpNet[] {
  const bridges = nodes.filter((node) => node.kind === 'bridge');
  const own = bridges.filter((bridge) => bridge.name === name || bridge.in === name);
  const ends = links.flatMap(endsOf).filter((end) => end.node === name);
  return [...ends, ...own].flatMap(({ addresses }) => addresses);
}

/** Of what one packet, or a few, can tell; a text: why it cannot be asked. */
export function questionOf(lab: Lab, expectation: Exclude<LabExpectation, { kind: 'name' }>): ProbeQuestion | string {
  const to = addressOf(lab, expectation.from, expectation.to);
  if (to === undefined) return `${expectation.to} has no address`;
  switch (expectation.kind) {
    case 'reach':
      return { kind: 'echo', to, size: null };
    case 'mtu':
      return { kind: 'echo', to, size: expectation.size };
    case 'port':
      return { kind: 'connect', to, port: expectation.port };
  }
}

/** `to`: who was asked. */
export function judge({ isNot, kind }: LabExpectation, to: string, answer: ProbeAnswer): Verdict {
  const isAnswered = answer.state === 'answered';
  // That a packet is too large says somebody who is on the way.
  const passed = isNot ? (kind === 'mtu' ? answer.state === 'too big' : !isAnswered) : isAnswered;
  return { passed, told: answerText(to, answer), answer };
}

function answerText(to: string, { state, from, rtt, errno, mtu }: ProbeAnswer): string {
  const by = from === null ? 'here' : `by ${from}`;
  switch (state) {
    case 'answered':
      return `${to} answers in ${rtt ?? '-'} ms`;
    case 'refused':
      return `refused ${by}`;
    case 'unreachable':
      return `unreachable, ${errno ?? '-'}, as told ${by}`;
    case 'too big':
      return `too big, as told ${by}${mtu === null ? '' : `: ${mtu} bytes would fit`}`;
    case 'timeout':
      return `no answer of ${to}`;
  }
}

/** `found`: what the name was said to be, by whom. null: nobody knows it. */
export function judgeName(
  { isNot }: LabExpectation,
  wanted: string | null,
  found: { readonly addresses: readonly string[]; readonly by: string } | null,
  problem: string,
): Verdict {
  const isIt = found !== null && (wanted === null || found.addresses.includes(wanted));
  const told = found === null ? problem : `${found.addresses.join(', ')}, by ${found.by}`;
  return { passed: isNot ? !isIt : isIt, told, answer: null };
}
