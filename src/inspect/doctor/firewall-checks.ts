// Which rule stops a packet, and what would let this one pass.

import { bridgeFilter } from '../../network/firewall/bridge-filter.ts';
import type { Decider } from '../../network/firewall/verdict.ts';
import type { DoctorCode } from './codes.ts';
import { advice, finding, fixIn, type Finding, type Fix } from './finding.ts';
import type { Hop, Judged } from './path.ts';
import type { Sight } from './sight.ts';

export function firewallChecks(sight: Sight, hop: Hop): readonly Finding[] {
  const found: Finding[] = [];
  for (const judged of hop.judged) {
    const { verdict, by } = judged.verdict;
    if (verdict === 'accept' || by === null) continue;
    // The same rule in the way of the packet, and of the frame that it is in, is one thing.
    const isKnown = found.some(({ key }) => key === keyOf(judged, hop, by));
    if (!isKnown) found.push(dropFinding(sight, hop, judged, by));
  }
  return found;
}

function dropFinding(sight: Sight, hop: Hop, judged: Judged, by: Decider): Finding {
  const { packet, verdict, bridge, hook } = judged;
  const place = bridge?.bridge.place ?? hop.place;
  const isBridged = bridge !== null && !hook.startsWith('bridge ') && hook !== 'ingress' && hook !== 'egress';
  const noEndpoint = by.text.includes('has no endpoints');
  const code: DoctorCode = noEndpoint ? 'D43' : isBridged ? 'D15' : 'D14';
  const port = packet.dport === null ? '' : `:${packet.dport}`;
  const way = `${packet.source} to ${packet.destination}${port} (${packet.protocol}${packet.isReply ? ', an answer' : ''})`;
  const does = verdict.verdict === 'reject' ? 'rejects' : 'drops';
  const over = isBridged ? `, though it only crosses ${bridge.bridge.link.name}` : '';
  return finding(code, place, `the firewall of ${sight.of(place).name} ${does} ${way}${over}`, {
    link: bridge?.bridge.link.name ?? packet.oif ?? packet.iif,
    certainty: verdict.certain ? 'certain' : 'possible',
    key: keyOf(judged, hop, by),
    evidence: [
      deciderText(by),
      `hook ${hook}, chain ${by.base.chain} at priority ${by.base.priority}`,
      ...(by.counters === null ? [] : [`counted ${by.counters.packets} packets`]),
      ...(isBridged ? [`${bridgedBy(sight, judged) ?? 'br_netfilter'}: on`] : []),
      ...verdict.doubts
        .slice(0, MOST_DOUBTS)
        .map((doubt) => `not certain: ${doubt.why}${doubt.by === null ? '' : `: ${doubt.by.text}`}`),
    ],
    fix: noEndpoint
      ? advice('no pod stands behind the service: look at its selector and its pods')
      : letPass(sight, place, judged, by),
  });
}

/** What hands to the firewall of IP what only crosses the bridge. */
function bridgedBy(sight: Sight, { bridge, packet }: Judged): string | null {
  const ruleset = bridge === null ? null : sight.of(bridge.bridge.place).ruleset();
  return bridge === null || ruleset === null ? null : bridgeFilter(ruleset, bridge.bridge.link.name, packet.family).by;
}

const MOST_DOUBTS = 3;

/** The rule that stops a packet, and the answer to it. */
function keyOf({ bridge }: Judged, hop: Hop, by: Decider): string {
  return `${(bridge?.bridge.place ?? hop.place).inode} ${deciderText(by)}`;
}

function deciderText({ family, table, chain, handle, text }: Decider): string {
  return `${family} ${table} ${chain}${handle === null ? '' : ` handle ${handle}`}: ${text}`;
}

/** What nft(8) takes as a word: names may be anything. */
const WORD = /^[A-Za-z_][\w.-]*$/;
const BUILTIN: ReadonlySet<string> = new Set(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']);

/** An accept for these two alone, before all else in that base chain: one elsewhere would not stop this drop. */
function letPass(sight: Sight, place: Hop['place'], { packet }: Judged, { family, table, base }: Decider): Fix {
  const { source, destination } = packet;
  const isIpv6 = packet.family === 'ip6';
  const ends = ['-s', source, '-d', destination, '-j', 'ACCEPT'];
  const tables = sight.of(place).ruleset()?.tables ?? [];
  const isLegacy = family.startsWith('legacy');
  const isIptables = BUILTIN.has(base.chain) && ['filter', 'nat', 'mangle', 'raw', 'security'].includes(table);
  if (isLegacy || isIptables) {
    const command = `${isIpv6 ? 'ip6tables' : 'iptables'}${isLegacy ? '-legacy' : ''}`;
    const own = tables.find((one) => one.name === table && one.family === (isIpv6 ? 'ip6' : 'ip'));
    const isDockers = base.chain === 'FORWARD' && table === 'filter' && own?.chains.has('DOCKER-USER') === true;
    const chain = isDockers ? 'DOCKER-USER' : base.chain;
    const words = [command, ...(table === 'filter' ? [] : ['-t', table]), '-I', chain, ...ends];
    return fixIn(
      sight,
      place,
      words,
      isDockers ? 'lets these two through; docker leaves DOCKER-USER alone' : 'lets these two through',
    );
  }
  if (!WORD.test(table) || !WORD.test(base.chain))
    return advice('let it through in that chain: an accept in another one does not stop this drop');
  const ip = isIpv6 ? 'ip6' : 'ip';
  const words = [
    'nft',
    'insert',
    'rule',
    family,
    table,
    base.chain,
    ip,
    'saddr',
    source,
    ip,
    'daddr',
    destination,
    'accept',
  ];
  return fixIn(sight, place, words, 'lets these two through');
}
