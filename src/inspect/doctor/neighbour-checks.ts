// Who answers for the address that a packet is sent to next: nobody, two, or somebody else than is remembered.

import type { Neighbour } from '../../kernel/netlink/neighbours.ts';
import { isSamePrefix } from '../../kernel/netlink/address-bytes.ts';
import { parseAddress } from '../../kernel/netlink/address-text.ts';
import type { InterfaceAddress } from '../../kernel/netlink/addresses.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import { askingChecks } from './asking-checks.ts';
import { advice, asksNobody, familyOf, finding, fixIn, isLoopback, isUp, linkIn, type Finding } from './finding.ts';
import { carrierCheck, downCheck } from './link-checks.ts';
import type { Hop } from './path.ts';
import { keyOf, portsOf, type At, type Station } from './segment.ts';
import type { Sight } from './sight.ts';

export function neighbourChecks(sight: Sight, hop: Hop): readonly Finding[] {
  const { end, oif, nextHop } = hop;
  if (oif === null || nextHop === null) return [];
  if (end.is === 'nobody') return nobodyCheck(sight, hop);
  const double = doubleChecks(sight, hop);
  return [...double, ...(double.length > 0 ? [] : [...askChecks(sight, hop), ...entryCheck(sight, hop)])];
}

/** Nobody is asked where somebody wrote down the answer, or the link has no such questions. */
function askChecks(sight: Sight, hop: Hop): readonly Finding[] {
  const entry = entryOf(sight, hop);
  if (entry?.state === 'PERMANENT' || entry?.state === 'NOARP' || (hop.oif !== null && asksNobody(hop.oif))) return [];
  const isRemembered = entry !== undefined && entry.linkAddress !== null && entry.state !== 'FAILED';
  return askingChecks(sight, hop, isRemembered);
}

/** Everybody on that link layer is seen, and none of them has the address. */
function nobodyCheck(sight: Sight, hop: Hop): readonly Finding[] {
  const { place, oif, nextHop, segment, answer } = hop;
  if (oif === null || nextHop === null || segment === null) return [];
  // Who is cut off reaches nobody: that is what is wrong.
  const cut = [downCheck(sight, { place, link: oif }), ...segment.deadEnds.map((at) => lostCheck(sight, at))].flat();
  if (cut.length > 0 && segment.stations.length === 0) return cut;
  const parent = parentCheck(sight, hop);
  if (parent.length > 0) return parent;
  const elsewhere = holdersOf(sight, nextHop).filter((at) => at.place !== place);
  const isGateway = answer.is === 'found' && answer.route.gateway !== null;
  const wrongNet = isGateway ? [] : lengthCheck(sight, hop, elsewhere);
  if (wrongNet.length > 0) return wrongNet;
  const [apart] = elsewhere;
  const away = apart === undefined ? [] : detached(sight, apart, hop);
  if (away.length > 0) return away;
  if (segment.stations.length === 0) {
    const carrier = carrierCheck(sight, { place, link: oif });
    if (carrier.length > 0) return carrier;
  }
  const near =
    segment.stations.find((one) => one.place !== place && one.link.kind === 'bridge') ??
    segment.stations.find((one) => one.place !== place);
  const nearAddress = near?.place.addresses?.find(
    (one) => one.ifindex === near.link.ifindex && one.family === familyOf(nextHop),
  );
  const isPublished = hop.came.destination !== hop.routed.destination;
  const who = isGateway ? `the gateway ${nextHop}` : nextHop;
  return [
    finding(
      isPublished ? 'D38' : 'D34',
      place,
      `nobody on the link layer of ${linkIn(sight, place, oif)} has ${isGateway ? '' : 'the address '}${who}`,
      {
        link: oif.name,
        evidence: [
          ...(isPublished ? [`NAT sends ${hop.came.destination} to ${hop.routed.destination}`] : []),
          `${segment.stations.length} links with addresses were found there${apart === undefined ? '' : `; ${linkIn(sight, apart.place, apart.link)} has it, elsewhere`}`,
          ...entryEvidence(sight, hop),
        ],
        fix:
          isGateway && nearAddress !== undefined
            ? fixIn(
                sight,
                place,
                ['ip', 'route', 'replace', 'default', 'via', nearAddress.address, 'dev', oif.name],
                `${near === undefined ? 'it' : linkIn(sight, near.place, near.link)} has that address`,
              )
            : advice(
                isPublished
                  ? 'start the container again, or remove what publishes the port'
                  : 'give it to who should have it, or send to another',
              ),
      },
    ),
  ];
}

function lostCheck(sight: Sight, { place, link }: At): readonly Finding[] {
  return [
    finding('D2', place, `${linkIn(sight, place, link)} has no other end any more`, {
      link: link.name,
      evidence: [`${link.name}: ${link.kind ?? 'link'} to index ${link.link ?? '-'}, which is not there`],
      fix: advice('make the pair anew'),
    }),
  ];
}

/** All links that have an address, wherever. */
function holdersOf(sight: Sight, address: string): readonly At[] {
  return sight.topology.namespaces.flatMap((place) =>
    (place.addresses ?? []).flatMap((one) => {
      const link = one.address === address ? place.byIndex.get(one.ifindex) : undefined;
      return link === undefined || isLoopback(link) ? [] : [{ place, link }];
    }),
  );
}

/** What lies on a link in macvlan's way hears all but that link itself, and the other way round. */
function parentCheck(sight: Sight, { place, oif, nextHop }: Hop): readonly Finding[] {
  if (oif === null || nextHop === null) return [];
  for (const holder of holdersOf(sight, nextHop)) {
    const [upper, lower] = [{ place, link: oif }, holder].toSorted((a) => (isMacvlan(a) ? -1 : 1));
    if (upper === undefined || lower === undefined || !isMacvlan(upper) || keyOf(upper) === keyOf(lower)) continue;
    const end = sight.topology.ends.get(upper.place)?.get(upper.link.ifindex);
    if (end?.state !== 'known') continue;
    const isBelow = end.in === lower.place && end.link.ifindex === lower.link.ifindex;
    if (!isBelow) continue;
    return [
      finding(
        'D39',
        upper.place,
        `${linkIn(sight, upper.place, upper.link)} lies on ${linkIn(sight, lower.place, lower.link)}, and the two never hear each other`,
        {
          link: upper.link.name,
          evidence: [`${upper.link.name}: ${upper.link.kind} ${upper.link.mode ?? ''} on ${lower.link.name}`],
          fix: advice('give the host a macvlan of its own on that link, or use a bridge'),
        },
      ),
    ];
  }
  return [];
}

function isMacvlan({ link }: At): boolean {
  return link.kind === 'macvlan' || link.kind === 'macvtap' || link.kind === 'ipvlan';
}

/** Sent on the link as if it were near: because our net is too wide, or because two nets are the same. */
function lengthCheck(sight: Sight, hop: Hop, elsewhere: readonly At[]): readonly Finding[] {
  const { place, oif, nextHop } = hop;
  const [holder] = elsewhere;
  if (oif === null || nextHop === null || holder === undefined) return [];
  const covers = (place.addresses ?? []).filter((one) => coversAddress(one, nextHop));
  const own = covers.find((one) => one.ifindex === oif.ifindex);
  const other = covers.find((one) => one.ifindex !== oif.ifindex);
  if (own !== undefined && other !== undefined) {
    const second = place.byIndex.get(other.ifindex);
    return [
      finding(
        'D37',
        place,
        `${nextHop} is in the nets of two links of ${sight.of(place).name}, and goes by ${oif.name}`,
        {
          link: oif.name,
          evidence: [
            `${oif.name}: ${own.address}/${own.prefixLength}; ${second?.name ?? other.ifindex}: ${other.address}/${other.prefixLength}`,
            `${linkIn(sight, holder.place, holder.link)} has ${nextHop}, and is not on that link`,
          ],
          fix: advice('give one of the two another net'),
        },
      ),
    ];
  }
  const theirs = holder.place.addresses?.find((one) => one.address === nextHop);
  if (
    own === undefined ||
    theirs === undefined ||
    theirs.prefixLength <= own.prefixLength ||
    coversAddress(theirs, own.address)
  )
    return [];
  const right = `${own.address}/${theirs.prefixLength}`;
  return [
    finding(
      'D6',
      place,
      `the net ${own.address}/${own.prefixLength} of ${linkIn(sight, place, oif)} takes in ${nextHop}, which is not on that link`,
      {
        link: oif.name,
        evidence: [
          `${oif.name}: ${own.address}/${own.prefixLength}`,
          `${linkIn(sight, holder.place, holder.link)}: ${theirs.address}/${theirs.prefixLength}`,
        ],
        fix: fixIn(
          sight,
          place,
          ['ip', 'address', 'replace', right, 'dev', oif.name],
          `then remove ${own.address}/${own.prefixLength}, and set the routes again`,
        ),
      },
    ),
  ];
}

export function coversAddress({ address, prefixLength }: InterfaceAddress, other: string): boolean {
  const [a, b] = [parseAddress(address), parseAddress(other)];
  return a !== undefined && b !== undefined && isSamePrefix(a, b, prefixLength);
}

/** Who has the address should be on that link, by its net, and is not: its own link is cut, or plugged in elsewhere. */
function detached(sight: Sight, holder: At, { place, oif, nextHop }: Hop): readonly Finding[] {
  const theirs = holder.place.addresses?.find((one) => one.address === nextHop);
  const own = place.addresses?.find(
    (one) => one.ifindex === oif?.ifindex && nextHop !== null && coversAddress(one, nextHop),
  );
  if (theirs === undefined || own === undefined || !coversAddress(theirs, own.address) || oif === null) return [];
  const down = downCheck(sight, holder);
  if (down.length > 0) return down;
  const end = sight.topology.ends.get(holder.place)?.get(holder.link.ifindex);
  if (end === undefined || end.state === 'lost') return lostCheck(sight, holder);
  if (end.state !== 'known' || holder.link.kind !== 'veth') return [];
  const far = { place: end.in, link: end.link };
  if (!isUp(end.link)) return downCheck(sight, far);
  if (end.link.master !== null) {
    const at = end.in.byIndex.get(end.link.master)?.name ?? String(end.link.master);
    return [
      plugged(
        sight,
        far,
        `is a port of ${at}, and not where ${oif.name} is`,
        advice(`make it a port of the bridge that ${oif.name} is at`),
      ),
    ];
  }
  const bridge = bridgeOf(sight, { place, link: oif });
  const fix =
    bridge !== undefined && bridge.place === end.in
      ? fixIn(sight, end.in, ['ip', 'link', 'set', 'dev', end.link.name, 'master', bridge.link.name], 'makes it a port')
      : advice('make it a port of the bridge');
  return [plugged(sight, far, 'is no port of a bridge', fix)];
}

function plugged(sight: Sight, { place, link }: At, what: string, fix: NonNullable<Finding['fix']>): Finding {
  return finding('D2', place, `${linkIn(sight, place, link)} ${what}`, {
    link: link.name,
    evidence: [`${link.name}: master ${link.master ?? 'none'}`],
    fix,
  });
}

/** The bridge that a link is, or is plugged into by its other end. */
function bridgeOf(sight: Sight, { place, link }: At): At | undefined {
  if (link.kind === 'bridge') return { place, link };
  const end = sight.topology.ends.get(place)?.get(link.ifindex);
  if (end?.state !== 'known' || end.link.master === null) return undefined;
  const master = end.in.byIndex.get(end.link.master);
  return master === undefined ? undefined : { place: end.in, link: master };
}

function doubleChecks(sight: Sight, hop: Hop): readonly Finding[] {
  const { owners, segment, nextHop, place, oif } = hop;
  const [first] = owners;
  if (segment === null || first === undefined || nextHop === null || oif === null) return [];
  const found: Finding[] = [];
  const places = distinct([
    ...owners,
    ...(hasIt({ place, link: oif }, nextHop) ? [{ place, link: oif, steps: [] }] : []),
  ]);
  const [one, two] = places;
  if (one !== undefined && two !== undefined && owners.every((owner) => hasIt(owner, nextHop))) {
    found.push(
      finding(
        'D18',
        one.place,
        `${places.map((at) => linkIn(sight, at.place, at.link)).join(' and ')} have the same address ${nextHop}`,
        {
          link: one.link.name,
          key: nextHop,
          evidence: [
            ...places.map(({ place: at, link }) => `${linkIn(sight, at, link)}: ${nextHop}, ${link.address ?? '-'}`),
            ...entryEvidence(sight, hop),
          ],
          fix: advice('take it from one of them'),
        },
      ),
    );
  }
  // Who else has the sender's own address gets the answers.
  const own = hop.left.source;
  const rival =
    own === null
      ? undefined
      : segment.stations.find((at) => at.place !== place && at.place !== first.place && hasIt(at, own));
  const isOurs =
    own !== null && place.addresses?.some((at) => at.address === own && at.ifindex === oif.ifindex) === true;
  if (rival !== undefined && isOurs) {
    found.push(
      finding(
        'D18',
        place,
        `${linkIn(sight, place, oif)} and ${linkIn(sight, rival.place, rival.link)} have the same address ${own}`,
        {
          link: oif.name,
          key: own,
          evidence: [
            `${linkIn(sight, place, oif)}: ${oif.address ?? '-'}`,
            `${linkIn(sight, rival.place, rival.link)}: ${rival.link.address ?? '-'}`,
          ],
          fix: advice('take it from one of them'),
        },
      ),
    );
  }
  return [...found, ...sameLinkAddress(sight, hop, first)];
}

function hasIt({ place, link }: At, address: string): boolean {
  return (
    place.addresses?.some((one) => one.address === address && one.ifindex === link.ifindex && isInUse(one)) === true
  );
}

/** One that was found to be another's is not answered for. Source: include/uapi/linux/if_addr.h. */
function isInUse({ flags }: InterfaceAddress): boolean {
  return (flags & IFA_F_DADFAILED) === 0;
}

const IFA_F_DADFAILED = 0x08;

function distinct(all: readonly Station[]): readonly Station[] {
  const found = new Map<NetworkNamespace, Station>();
  for (const one of all) if (!found.has(one.place)) found.set(one.place, one);
  return [...found.values()];
}

function sameLinkAddress(sight: Sight, { place, oif, segment }: Hop, owner: Station): readonly Finding[] {
  if (oif === null || segment === null) return [];
  const ends: readonly At[] = [{ place, link: oif }, owner];
  const others: readonly At[] = [{ place, link: oif }, ...segment.stations, ...bridgePorts(segment.stations)];
  for (const end of ends) {
    const twin = others.find(
      (at) => isOther(at, end) && at.link.address === end.link.address && end.link.address !== null,
    );
    if (twin === undefined) continue;
    return [
      finding(
        'D19',
        end.place,
        `${linkIn(sight, end.place, end.link)} and ${linkIn(sight, twin.place, twin.link)} have the same link address ${end.link.address ?? '-'}`,
        {
          link: end.link.name,
          key: end.link.address,
          evidence: [end, twin].map((at) => `${linkIn(sight, at.place, at.link)}: ${at.link.address ?? '-'}`),
          fix: advice(`give one of them another: ip link set dev ${NAME_PLACE} address 02:…`),
        },
      ),
    ];
  }
  return [];
}

const NAME_PLACE = 'LINK';

/** A bridge takes the address of a port of its own, and links that lie on another one share that of it. */
function isOther(at: At, end: At): boolean {
  if (keyOf(at) === keyOf(end)) return false;
  const isKin = [at, end].some(({ link }) =>
    ['bridge', 'vlan', 'ipvlan', 'bond', 'team', 'macvlan'].includes(link.kind ?? ''),
  );
  return !isKin || (at.place !== end.place && ![at, end].some(({ link }) => link.kind === 'ipvlan'));
}

/** Frames to the address of a port are the bridge's own. */
function bridgePorts(stations: readonly Station[]): readonly At[] {
  return stations.flatMap(({ place, link }) =>
    link.kind === 'bridge' ? portsOf(place, link).map((port) => ({ place, link: port })) : [],
  );
}

function entryOf(sight: Sight, { place, oif, nextHop }: Hop): Neighbour | undefined {
  return sight
    .of(place)
    .neighbours()
    ?.find((one) => one.ifindex === oif?.ifindex && one.address === nextHop);
}

function entryEvidence(sight: Sight, hop: Hop): readonly string[] {
  const entry = entryOf(sight, hop);
  return entry === undefined
    ? []
    : [
        `neighbour ${entry.address} on ${hop.oif?.name ?? '-'}: ${entry.linkAddress ?? 'no link address'}, ${entry.state}`,
      ];
}

/** What is remembered of the next hop. */
function entryCheck(sight: Sight, hop: Hop): readonly Finding[] {
  const { place, oif, owners, nextHop, end } = hop;
  const entry = entryOf(sight, hop);
  if (entry === undefined || oif === null || nextHop === null) return [];
  const flush = ['ip', 'neighbour', 'del', nextHop, 'dev', oif.name];
  const evidence = entryEvidence(sight, hop);
  const [owner] = owners;
  const right = owner?.link.address ?? null;
  if (
    owner !== undefined &&
    entry.linkAddress !== null &&
    right !== null &&
    entry.linkAddress !== right &&
    !owners.some(({ link }) => link.address === entry.linkAddress)
  ) {
    // What was asked for is asked again when it grows old; what somebody set stays.
    const isSet = entry.state === 'PERMANENT' || entry.state === 'NOARP';
    if (isSet || entry.state === 'REACHABLE')
      return [
        finding(
          'D17',
          place,
          `${sight.of(place).name} sends what is for ${nextHop} to ${entry.linkAddress}, and ${linkIn(sight, owner.place, owner.link)} is ${right}`,
          {
            link: oif.name,
            certainty: isSet ? 'certain' : 'possible',
            evidence,
            fix: fixIn(sight, place, flush, 'so that it is asked for again'),
          },
        ),
      ];
  }
  const isSilent = entry.state === 'FAILED' || entry.state === 'INCOMPLETE';
  // Where all is seen and right, an old failure says nothing; where it leaves what is seen, it is all there is.
  if (!isSilent || end.is !== 'leaves') return [];
  return [
    finding(
      'D16',
      place,
      `nobody answered when ${sight.of(place).name} asked for the link address of ${nextHop} on ${oif.name}`,
      {
        link: oif.name,
        certainty: 'possible',
        evidence,
        fix: fixIn(sight, place, flush, 'so that it is asked for again'),
      },
    ),
  ];
}
