// What is wrong with links: those that a packet is sent by, and what lies between two of them.

import type { DetailedLink } from '../../kernel/netlink/link-details.ts';
import type { LinkConditions } from '../../kernel/netlink/link-conditions.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import { advice, asksNobody, finding, fixIn, isLoopback, isUp, linkIn, type Finding } from './finding.ts';
import type { Hop } from './path.ts';
import { keyOf, type At, type Step } from './segment.ts';
import type { Sight } from './sight.ts';

/** All links from the one that it is sent by to the one that gets it, each once. */
export function linkChecks(sight: Sight, hop: Hop): readonly Finding[] {
  const { oif, place, end } = hop;
  if (oif === null) return [];
  const steps = end.is === 'next' ? end.station.steps : end.is === 'leaves' ? end.exit.steps : [];
  const links = linksOf({ place, link: oif }, steps);
  return [
    ...links.flatMap((at) => downCheck(sight, at)),
    ...noArpCheck(sight, hop),
    ...steps.flatMap((step) => (step.is === 'bridge' ? bridgeChecks(sight, step) : [])),
    ...(end.is === 'next' ? sizeCheck(sight, hop, links) : []),
    ...links.flatMap((at) => queueChecks(sight, at)),
  ];
}

function linksOf(first: At, steps: readonly Step[]): readonly At[] {
  const found = new Map([[keyOf(first), first]]);
  for (const step of steps) {
    const ends = step.is === 'bridge' ? [step.in, step.bridge, step.out] : [step.from, step.to];
    for (const at of ends) if (at !== null) found.set(keyOf(at), at);
  }
  return [...found.values()];
}

export function downCheck(sight: Sight, { place, link }: At): readonly Finding[] {
  if (isUp(link)) return [];
  if (isLoopback(link)) return loopbackCheck(sight, { place });
  return [
    finding('D1', place, `${linkIn(sight, place, link)} is down`, {
      link: link.name,
      evidence: [`flags of ${link.name}: no IFF_UP, operstate ${link.operstate}`],
      fix: fixIn(sight, place, ['ip', 'link', 'set', 'dev', link.name, 'up'], 'switches it on'),
    }),
  ];
}

/** What is for itself goes by it. */
export function loopbackCheck(sight: Sight, { place }: Pick<Hop, 'place'>): readonly Finding[] {
  const loopback = place.links?.find(isLoopback);
  if (loopback === undefined || isUp(loopback)) return [];
  return [
    finding('D3', place, `the loopback of ${sight.of(place).name} is down`, {
      link: loopback.name,
      evidence: [`flags of ${loopback.name}: no IFF_UP`],
      fix: fixIn(
        sight,
        place,
        ['ip', 'link', 'set', 'dev', loopback.name, 'up'],
        'switches it on: a new namespace has it off',
      ),
    }),
  ];
}

/** It has no carrier, and its other end is up: nothing is there, or nobody sees what. */
export function carrierCheck(sight: Sight, { place, link }: At): readonly Finding[] {
  const conditions = conditionsOf(sight, { place, link });
  if (!isUp(link) || conditions?.carrier !== false) return [];
  const what =
    link.kind === 'bridge'
      ? `${linkIn(sight, place, link)} has no port that is up`
      : `${linkIn(sight, place, link)} has no carrier: nothing is at its other end`;
  return [
    finding('D2', place, what, { link: link.name, evidence: [`${link.name}: carrier 0, operstate ${link.operstate}`] }),
  ];
}

function noArpCheck(sight: Sight, { oif, place, segment, nextHop }: Hop): readonly Finding[] {
  if (oif === null || segment === null || oif.kind !== 'veth' || !asksNobody(oif)) return [];
  const entry = sight
    .of(place)
    .neighbours()
    ?.find((one) => one.ifindex === oif.ifindex && one.address === nextHop);
  if (entry?.state === 'PERMANENT') return [];
  return [
    finding('D42', place, `${linkIn(sight, place, oif)} asks nobody for link addresses`, {
      link: oif.name,
      evidence: [`flags of ${oif.name}: IFF_NOARP`],
      fix: fixIn(sight, place, ['ip', 'link', 'set', 'dev', oif.name, 'arp', 'on'], 'lets it ask'),
    }),
  ];
}

export function conditionsOf(sight: Sight, { place, link }: At): LinkConditions | undefined {
  return sight.of(place).conditions()?.get(link.ifindex);
}

type BridgeStep = Extract<Step, { is: 'bridge' }>;

function bridgeChecks(sight: Sight, step: BridgeStep): readonly Finding[] {
  const ports = [step.in, step.out].filter((at) => at !== null);
  return [
    ...ports.flatMap((at) => stateCheck(sight, at, step)),
    ...apartCheck(sight, step),
    ...learnCheck(sight, step),
    ...vlanCheck(sight, step),
  ];
}

function stateCheck(sight: Sight, { place, link }: At, { bridge }: BridgeStep): readonly Finding[] {
  const { portState: state } = link;
  // Of a port that is down, or has nothing at its other end, that is what is wrong.
  const isLive = isUp(link) && conditionsOf(sight, { place, link })?.carrier !== false && isUp(bridge.link);
  if (state === null || state === 'forwarding' || !isLive) return [];
  const waits = state === 'listening' || state === 'learning';
  const words = waits
    ? ['ip', 'link', 'set', 'dev', bridge.link.name, 'type', 'bridge', 'stp_state', '0']
    : ['bridge', 'link', 'set', 'dev', link.name, 'state', '3'];
  const why = waits
    ? 'switches STP off; or wait: it takes up to 30 seconds'
    : 'lets it forward, unless STP blocks it for a loop';
  return [
    finding('D21', place, `${linkIn(sight, place, link)}, a port of ${bridge.link.name}, is ${state}`, {
      link: link.name,
      evidence: [`${link.name}: state of the port ${state}; STP of ${bridge.link.name} ${stpText(sight, bridge)}`],
      fix: fixIn(sight, place, words, why),
    }),
  ];
}

function stpText(sight: Sight, bridge: At): string {
  const stp = conditionsOf(sight, bridge)?.bridge?.stp;
  return stp === undefined ? '-' : stp ? 'on' : 'off';
}

function apartCheck(sight: Sight, { bridge, in: came, out }: BridgeStep): readonly Finding[] {
  if (came === null || out === null) return [];
  const isIsolated = [came, out].every((at) => conditionsOf(sight, at)?.port?.isolated === true);
  if (!isIsolated) return [];
  const { place } = bridge;
  return [
    finding('D22', place, `${came.link.name} and ${out.link.name} are isolated ports of ${bridge.link.name}`, {
      link: came.link.name,
      key: [came, out].map(keyOf).toSorted().join(' '),
      evidence: [came, out].map(({ link }) => `${link.name}: isolated on`),
      fix: fixIn(
        sight,
        place,
        ['bridge', 'link', 'set', 'dev', came.link.name, 'isolated', 'off'],
        'lets it reach the others',
      ),
    }),
  ];
}

/** A locked port lets only known addresses send; a port that is not flooded, and learns nothing, gets nothing. */
function learnCheck(sight: Sight, { bridge, in: came, out }: BridgeStep): readonly Finding[] {
  const { place } = bridge;
  const entries = (at: At): boolean =>
    sight
      .of(place)
      .bridgeAddresses()
      ?.some((one) => one.ifindex === at.link.ifindex && one.master !== null && !isOwnAddress(one.linkAddress, at)) ===
    true;
  const found: Finding[] = [];
  if (came !== null && conditionsOf(sight, came)?.port?.locked === true && !entries(came)) {
    found.push(
      finding(
        'D22',
        place,
        `${linkIn(sight, place, came.link)} is locked: ${bridge.link.name} takes nothing from addresses it does not know`,
        {
          link: came.link.name,
          evidence: [`${came.link.name}: locked on, no entry of another's address`],
          fix: fixIn(
            sight,
            place,
            ['bridge', 'link', 'set', 'dev', came.link.name, 'locked', 'off'],
            'takes all again',
          ),
        },
      ),
    );
  }
  const port = out === null ? undefined : conditionsOf(sight, out)?.port;
  if (out !== null && port?.floodsBroadcast === false) {
    found.push(
      finding(
        'D22',
        place,
        `${linkIn(sight, place, out.link)} gets no broadcasts: nobody behind it is ever asked for its link address`,
        {
          link: out.link.name,
          evidence: [`${out.link.name}: bcast_flood off`],
          fix: fixIn(
            sight,
            place,
            ['bridge', 'link', 'set', 'dev', out.link.name, 'bcast_flood', 'on'],
            'sends it broadcasts again',
          ),
        },
      ),
    );
  }
  if (out !== null && port?.floodsUnknown === false && !port.learning && !entries(out)) {
    found.push(
      finding('D22', place, `${linkIn(sight, place, out.link)} learns no addresses and gets nothing for unknown ones`, {
        link: out.link.name,
        evidence: [`${out.link.name}: learning off, flood off`],
        fix: fixIn(
          sight,
          place,
          ['bridge', 'link', 'set', 'dev', out.link.name, 'learning', 'on'],
          'lets the bridge learn',
        ),
      }),
    );
  }
  return found;
}

function isOwnAddress(linkAddress: string, { link }: At): boolean {
  return link.address === linkAddress;
}

/** What comes untagged into a port leaves by another only if both are in its VLAN. */
function vlanCheck(sight: Sight, { bridge, in: came, out }: BridgeStep): readonly Finding[] {
  const { place } = bridge;
  if (conditionsOf(sight, bridge)?.bridge?.vlanFiltering !== true) return [];
  const vlans = sight.of(place).portVlans();
  if (vlans === null) return [];
  const [first, last] = [came ?? bridge, out ?? bridge];
  const number = vlans.get(first.link.ifindex)?.untaggedIn ?? null;
  const target = vlans.get(last.link.ifindex);
  if (number !== null && target?.vlans.includes(number) === true) return [];
  const [at, what, vid] =
    number === null
      ? [first, `${linkIn(sight, place, first.link)} takes nothing without a tag`, '1']
      : [
          last,
          `${linkIn(sight, place, last.link)} is not in VLAN ${number}, which ${first.link.name} is in`,
          String(number),
        ];
  const self = at === bridge ? ['self'] : [];
  const words = ['bridge', 'vlan', 'add', 'dev', at.link.name, 'vid', vid, 'pvid', 'untagged', ...self];
  return [
    finding('D23', place, what, {
      link: at.link.name,
      key: [first, last].map(keyOf).toSorted().join(' '),
      evidence: [
        `${bridge.link.name}: vlan_filtering on`,
        ...[first, last].map(
          ({ link }) => `${link.name}: VLANs ${vlans.get(link.ifindex)?.vlans.join(', ') || 'none'}`,
        ),
      ],
      fix: fixIn(sight, place, words, 'puts it into that VLAN'),
    }),
  ];
}

/** A link layer drops what is too large for one of its links, and tells nobody. */
function sizeCheck(sight: Sight, { place, oif, answer, end }: Hop, links: readonly At[]): readonly Finding[] {
  if (oif === null || end.is !== 'next') return [];
  const own = oif.mtu ?? 0;
  const routed = answer.is === 'found' ? answer.route.mtu : null;
  const sent = routed === null ? own : Math.min(own, routed);
  const passive = links.filter(
    ({ link }) =>
      link.kind !== 'bridge' || keyOf({ place: end.station.place, link: end.station.link }) === keyOf({ place, link }),
  );
  const small = passive.find(({ link }) => (link.mtu ?? sent) < sent);
  if (small === undefined) return [];
  const size = small.link.mtu ?? 0;
  const words = ['ip', 'link', 'set', 'dev', oif.name, 'mtu', String(size)];
  return [
    finding(
      'D20',
      place,
      `packets of more than ${size} bytes from ${linkIn(sight, place, oif)} are lost at ${linkIn(sight, small.place, small.link)}`,
      {
        link: oif.name,
        evidence: [
          `${linkIn(sight, place, oif)}: mtu ${own}${routed === null ? '' : `, of the route ${routed}`}`,
          `${linkIn(sight, small.place, small.link)}: mtu ${size}${droppedText(small.link)}`,
        ],
        fix: fixIn(sight, place, words, 'sends none that is larger; or raise the other'),
      },
    ),
  ];
}

function droppedText({ counters }: DetailedLink): string {
  return counters === null || counters.rxDropped === 0n ? '' : `, ${counters.rxDropped} dropped`;
}

/** Where more than one in a hundred is lost, and not only a few. */
const FEW = 100n;

function queueChecks(sight: Sight, { place, link }: At): readonly Finding[] {
  const found: Finding[] = [];
  const queue = conditionsOf(sight, { place, link })?.queue;
  if (queue === 'netem' || queue === 'blackhole') {
    found.push(
      finding('D32', place, `the queue ${queue} of ${linkIn(sight, place, link)} loses or delays what it sends`, {
        link: link.name,
        certainty: queue === 'netem' ? 'possible' : 'certain',
        evidence: [`${link.name}: qdisc ${queue}`],
        fix: fixIn(sight, place, ['tc', 'qdisc', 'del', 'dev', link.name, 'root'], 'gives it its usual queue back'),
      }),
    );
  }
  const { counters } = link;
  if (counters === null) return found;
  const lost = counters.rxErrors + counters.txErrors;
  const all = counters.rxPackets + counters.txPackets;
  if (lost > FEW && lost * FEW > all) {
    found.push(
      finding('D33', place, `${linkIn(sight, place, link)} had ${lost} errors in ${all} packets`, {
        link: link.name,
        certainty: 'possible',
        evidence: [`${link.name}: errors received ${counters.rxErrors}, sent ${counters.txErrors}, since it was made`],
        fix: advice('look at the cable, the driver, or the program at the other end'),
      }),
    );
  }
  return found;
}

/** Links of a namespace that could lead anywhere. */
export function outerLinks({ links }: NetworkNamespace): readonly DetailedLink[] {
  return (links ?? []).filter((link) => !isLoopback(link));
}
