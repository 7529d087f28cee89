// Whatever a kernel or a recording says of rules: they are read or not, judged, and written, without an exception and
// without end. FC_SECONDS goes long.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { fromHex, toHex } from '../../src/host/recorded/archive.ts';
import { recordedHost } from '../../src/host/recorded/recorded-host.ts';
import { decodeLegacyTable } from '../../src/kernel/xtables/decode-table.ts';
import { decodeXtMatch } from '../../src/kernel/xtables/match.ts';
import { decodeXtTarget } from '../../src/kernel/xtables/target.ts';
import { judge } from '../../src/network/firewall/judge.ts';
import { newPacket, type Hook } from '../../src/network/firewall/packet.ts';
import { readRuleset } from '../../src/network/firewall/read-ruleset.ts';
import { ruleText } from '../../src/network/firewall/rule-text.ts';

const seconds = Number(process.env['FC_SECONDS'] ?? 0);
const parameters: fc.Parameters<unknown> =
  seconds > 0
    ? { numRuns: Infinity, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false }
    : { numRuns: 100, seed: 20_261_122 };

const file = fileURLToPath(new URL('../../fixtures/netlink/firewall.ndjson', import.meta.url));
const lines = readFileSync(file, 'utf8').trim().split('\n');
const entries = lines.map((line) => JSON.parse(line) as { datagrams?: string[]; hex?: string });

const changes = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 4, 0xff))), {
  maxLength: 40,
});

function spoilt(hex: string, all: readonly (readonly [number, number])[]): string {
  const bytes = fromHex(hex);
  for (const [at, byte] of all) if (bytes.length > 0) bytes[at % bytes.length] = byte;
  return toHex(bytes);
}

/** The recorded router, with bytes of its answers changed; lengths of attributes more rarely, as they end a dump. */
function spoiltHost(all: readonly (readonly [number, number])[]): string {
  const each = entries.map((entry, at) => {
    const own = all.filter((_, index) => index % 5 === at % 5);
    if (entry.datagrams !== undefined) return { ...entry, datagrams: entry.datagrams.map((hex) => spoilt(hex, own)) };
    return entry.hex === undefined ? entry : { ...entry, hex: spoilt(entry.hex, own) };
  });
  return each.map((entry) => JSON.stringify(entry)).join('\n');
}

const HOOKS: readonly Hook[] = ['ingress', 'prerouting', 'input', 'forward', 'output', 'postrouting', 'bridge forward'];

describe('a firewall', () => {
  it('is read, judged and written whatever it is', () => {
    fc.assert(
      fc.property(changes, (all) => {
        const host = recordedHost(spoiltHost(all), 'test');
        if (!host.ok) return;
        const ruleset = readRuleset(host.value, '/run/netns/router');
        for (const family of ['ip', 'ip6', 'arp'] as const) {
          const [source, destination] = family === 'ip6' ? ['fd01::2', 'fd02::2'] : ['10.0.0.1', '10.2.0.2'];
          const packet = newPacket({ family, protocol: 'tcp', source, destination, iif: 'l0', oif: 'r0', dport: 80 });
          for (const hook of HOOKS) judge(ruleset, hook, packet);
        }
        for (const table of ruleset.tables) {
          for (const rules of table.rules.values()) for (const rule of rules) ruleText(rule, table, new Map());
        }
      }),
      parameters,
    );
  });

  it('has extensions of iptables of any bytes', () => {
    const names = [
      'tcp',
      'udp',
      'multiport',
      'icmp',
      'icmp6',
      'conntrack',
      'state',
      'addrtype',
      'iprange',
      'mark',
      'connmark',
    ].concat([
      'physdev',
      'limit',
      'statistic',
      'set',
      'comment',
      'REJECT',
      'DNAT',
      'SNAT',
      'MASQUERADE',
      'REDIRECT',
      'MARK',
      'CONNMARK',
      'CT',
      'LOG',
      'x',
    ]);
    const any = fc.tuple(
      fc.constantFrom(...names),
      fc.nat(4),
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom('ip' as const, 'ip6' as const),
    );
    fc.assert(
      fc.property(any, ([name, revision, info, family]) => {
        decodeXtMatch(name, revision, info, family);
        decodeXtTarget(name, revision, info, family);
      }),
      { ...parameters, numRuns: seconds > 0 ? Infinity : 2000 },
    );
  });

  it('has tables of iptables-legacy of any bytes', () => {
    const real = fromHex(entries.find(({ hex }) => hex !== undefined)?.hex ?? '');
    const any = fc.oneof(
      changes.map((all) => fromHex(spoilt(toHex(real), all))),
      fc.uint8Array({ maxLength: 600 }),
    );
    fc.assert(
      fc.property(any, (bytes) => {
        const chains = decodeLegacyTable(bytes, 'ip', 'x');
        return chains.ok || chains.gap.reason === 'malformed';
      }),
      { ...parameters, numRuns: seconds > 0 ? Infinity : 2000 },
    );
  });
});
