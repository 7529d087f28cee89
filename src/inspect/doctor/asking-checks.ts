// Whether firewalls let through the question who has an address, and its answer: ARP of IPv4, neighbour discovery of IPv6.
// Rules that name only what is wanted often forget the latter.

import { judge } from '../../network/firewall/judge.ts';
import type { Decider } from '../../network/firewall/verdict.ts';
import { newPacket, type Packet } from '../../network/firewall/packet.ts';
import { parseAddress } from '../../kernel/netlink/address-text.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import { advice, finding, fixIn, type Finding, type Fix } from './finding.ts';
import type { Hop } from './path.ts';
import type { Sight } from './sight.ts';

interface Asking {
  readonly place: NetworkNamespace;
  readonly hook: 'input' | 'output';
  readonly packet: Packet;
}

/** Empty where the answer is remembered for good. `isRemembered`: there is one, which grows old. */
export function askingChecks(sight: Sight, hop: Hop, isRemembered: boolean): readonly Finding[] {
  for (const { place, hook, packet } of askings(hop)) {
    const ruleset = sight.of(place).ruleset();
    const verdict = ruleset === null ? null : judge(ruleset, hook, packet);
    const by = verdict?.by ?? null;
    if (verdict === null || by === null || verdict.verdict === 'accept') continue;
    const { family, table, base, text } = by;
    const asked = hop.nextHop ?? '-';
    const what = packet.neighbour === 'advert' ? `the answer, where ${asked} is` : `the question where ${asked} is`;
    return [
      finding('D14', place, `the firewall of ${sight.of(place).name} drops ${what} (${protocolOf(packet)})`, {
        link: packet.iif ?? packet.oif,
        // The question on the way there, and the answer to our own on the way back: one rule does both.
        key: `${place.inode} asking ${family} ${table} ${by.chain} ${text}`,
        certainty: verdict.certain && !isRemembered ? 'certain' : 'possible',
        evidence: [
          `${family} ${table} ${by.chain}: ${text}`,
          `hook ${hook}, chain ${base.chain} at priority ${base.priority}`,
          ...(isRemembered ? ['the answer is still remembered'] : []),
        ],
        fix: letAsk(sight, place, packet, by),
      }),
    ];
  }
  return [];
}

function protocolOf({ family, neighbour }: Packet): string {
  return family === 'arp' ? 'ARP' : neighbour === 'advert' ? 'nd-neighbor-advert' : 'nd-neighbor-solicit';
}

/** By whom they are seen, in order. */
function askings({ place, oif, owners, nextHop, left: { source } }: Hop): readonly Asking[] {
  const [owner] = owners;
  if (oif === null || owner === undefined || nextHop === null || source === null) return [];
  const sent = { iif: null, oif: oif.name };
  const seen = { iif: owner.link.name, oif: null };
  const asker = { place, hook: 'output' } as const;
  const asked = { place: owner.place, hook: 'input' } as const;
  if (!nextHop.includes(':')) {
    const packet = { family: 'arp', protocol: 'icmp', source, destination: nextHop } as const;
    return [
      { ...asker, packet: newPacket({ ...packet, ...sent }) },
      { ...asked, packet: newPacket({ ...packet, ...seen }) },
    ];
  }
  const group = solicitedNode(nextHop);
  if (group === undefined) return [];
  const discovery = { family: 'ip6', protocol: 'icmp', ctState: 'untracked' } as const;
  const question = { ...discovery, neighbour: 'solicit', source, destination: group } as const;
  const answer = { ...discovery, neighbour: 'advert', source: nextHop, destination: source } as const;
  return [
    { ...asker, packet: newPacket({ ...question, ...sent }) },
    { ...asked, packet: newPacket({ ...question, ...seen }) },
    { place: owner.place, hook: 'output', packet: newPacket({ ...answer, iif: null, oif: owner.link.name }) },
    { place, hook: 'input', packet: newPacket({ ...answer, iif: oif.name, oif: null }) },
  ];
}

/** The group that who has the address hears: its last 24 bits. Source: RFC 4291. */
function solicitedNode(address: string): string | undefined {
  const bytes = parseAddress(address);
  if (bytes?.length !== 16) return undefined;
  const [a = 0, b = 0, c = 0] = bytes.slice(13);
  return `ff02::1:ff${a.toString(16).padStart(2, '0')}:${((b << 8) | c).toString(16)}`;
}

/** What nft(8) takes as a word: names may be anything. */
const WORD = /^[A-Za-z_][\w.-]*$/;

function letAsk(
  sight: Sight,
  place: NetworkNamespace,
  packet: Packet,
  { family, table, base: { chain } }: Decider,
): Fix {
  const why = 'lets questions and answers through';
  if (packet.family === 'arp' || !WORD.test(table) || !WORD.test(chain))
    return advice('let it through in that chain: an accept in another one does not stop this drop');
  if (family.startsWith('legacy') || (table === 'filter' && (chain === 'INPUT' || chain === 'OUTPUT'))) {
    const command = family.startsWith('legacy') ? 'ip6tables-legacy' : 'ip6tables';
    const number = packet.neighbour === 'advert' ? '136' : '135';
    const of = table === 'filter' ? [] : ['-t', table];
    const words = [command, ...of, '-I', chain, '-p', 'icmpv6', '--icmpv6-type', number, '-j', 'ACCEPT'];
    return fixIn(sight, place, words, 'lets it through; the other of the two, 135 and 136, needs the same');
  }
  const types = '{ nd-neighbor-solicit, nd-neighbor-advert }';
  return fixIn(sight, place, ['nft', 'insert', 'rule', family, table, chain, 'icmpv6', 'type', types, 'accept'], why);
}
