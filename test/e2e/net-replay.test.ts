// `nstool net snapshot` and `net replay` on a machine's network of the test's own: what ip(8), nft(8) and sysctl(8) see of the
// original and of what was built again.

import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PrivateNetwork } from '../support/private-network.ts';
import { commandLine, PLAIN_UID } from '../support/program.ts';
import { BRIDGED, PRODUCTION, seenBy } from '../support/replay-networks.ts';
import { lacks } from '../support/requires.ts';
import { faults, passed } from '../support/schemas.ts';

interface Answer {
  readonly networks: readonly string[];
  readonly not_as_it_was: readonly {
    readonly state: string;
    readonly network: string;
    readonly what: string;
    readonly why: string;
  }[];
}

const SNAPSHOT = '/run/snapshot.json';

/** In lines, without what is of the other end of a pair: its index, and what its namespace is called. */
function plain(text: string): readonly string[] {
  const lines = text.replaceAll(/@if\d+|"link_index": ?\d+,|"link_netnsid": ?\d+,|link-netns\S* \S+/g, '');
  return lines.split('\n');
}

describe.skipIf(lacks('root', 'unshare', 'nsenter', 'ip', 'nft'))('net replay', () => {
  let net: PrivateNetwork;
  let before: string;
  const file = join(tmpdir(), `nstool-replay-${randomBytes(4).toString('hex')}.json`);

  /** `as`: in a world of its own. */
  async function world(script: string): Promise<PrivateNetwork> {
    const made = await PrivateNetwork.start();
    const { status, stderr } = made.run('sh', '-ec', script);
    if (status !== 0) throw new Error(stderr);
    return made;
  }

  function sh(script: string): string {
    return net.run('sh', '-c', script).stdout;
  }

  function take(target = 'netns:prod'): void {
    const { status, stderr } = net.nstool(['net', 'snapshot', target, '-o', SNAPSHOT]);
    expect(status, stderr).toBe(0);
    expect(faults('net snapshot', JSON.parse(sh(`cat ${SNAPSHOT}`)))).toEqual([]);
  }

  function replay(...options: readonly string[]): Answer {
    const { status, stdout, stderr } = net.nstool(['net', 'replay', SNAPSHOT, '--as', 'copy', '--json', ...options]);
    expect(status, `${stdout}${stderr}`).toBe(0);
    expect(faults('net replay', JSON.parse(stdout))).toEqual([]);
    return JSON.parse(stdout) as Answer;
  }

  describe('of a machine of production', () => {
    beforeAll(async () => {
      net = await world(PRODUCTION);
      // The journal's directory.
      net.nstool(['gc']);
      before = net.state();
      take();
    });
    afterEach(() => {
      net.nstool(['net', 'down', 'copy']);
      expect(net.state()).toBe(before);
    });
    afterAll(async () => {
      rmSync(file, { force: true });
      await net.end();
    });

    it('is the same to ip(8), nft(8) and sysctl(8), and what routes it stands beside it', () => {
      const { networks, not_as_it_was: others } = replay();
      expect(networks).toEqual(['copy', 'copy-router']);
      expect(others.filter(({ network }) => network === 'copy')).toEqual([]);
      expect(plain(sh(seenBy('copy')))).toEqual(plain(sh(seenBy('prod'))));
      expect(sh('ip -n copy-router -o addr show br0')).toContain('10.7.0.1/24');
      expect(sh('ip -n copy-router -o link show vethp')).toContain('master br0');
      expect(sh('ip netns exec copy-router nft list ruleset')).toBe(sh('nft list ruleset'));
      // No way out: what is not the target's cannot be reached.
      expect(net.run('ip', '-n', 'copy-router', 'route', 'get', '8.8.8.8').stderr).toContain('unreachable');
      expect(sh('cat /etc/netns/copy/resolv.conf /etc/netns/copy/hosts')).toBe(
        'nameserver 10.7.0.53\n10.7.0.8 db.internal\n',
      );
    });

    it('diff finds nothing but what cannot be the same', () => {
      replay();
      const { stdout } = net.nstool(['diff', 'netns:prod', 'netns:copy', '--json']);
      const whole = JSON.parse(stdout) as { readonly differences: readonly { readonly what: string }[] };
      const { differences } = whole;
      expect(differences.map(({ what }) => what)).toEqual(['namespace']);
      sh(
        'ip netns exec copy nft add element inet fw ports { 8443 }; ip netns exec copy nft insert rule inet fw other drop',
      );
      sh('ip -n copy neigh del 10.7.0.9 dev eth0; ip netns exec copy sysctl -qw net.ipv4.tcp_keepalive_time=601');
      const changed = JSON.parse(net.nstool(['diff', 'netns:prod', 'netns:copy', '--json']).stdout) as typeof whole;
      expect(new Set(changed.differences.map(({ what }) => what))).toEqual(
        new Set(['namespace', 'neighbour', 'nft rule', 'nft elements', 'setting']),
      );
    });

    it('one more of the same name is refused, and so is a name or file of somebody else', () => {
      replay();
      const state = net.state();
      const again = net.nstool(['net', 'replay', SNAPSHOT, '--as', 'copy']);
      expect(again).toMatchObject({ status: 2 });
      expect(again.stderr).toContain('copy stands already');
      expect(net.nstool(['net', 'replay', SNAPSHOT]).stderr).toContain('/run/netns/prod already');
      for (const name of ['../x', 'a b', '', 'x'.repeat(60), 'a\nb'])
        expect(net.nstool(['net', 'replay', SNAPSHOT, '--as', name]), name).toMatchObject({ status: 2, stdout: '' });
      expect(net.state()).toBe(state);
    });

    it('--anonymise has others for public addresses, link addresses and names, and what belonged together still does', () => {
      sh(`ip -n prod addr add 8.8.4.5/24 dev eth0
        ip -n prod -6 addr add 2a00:1450:4001:81b::200e/64 dev eth0 nodad
        ip -n prod route add 151.101.0.0/16 via 8.8.4.1
        ip netns exec prod nft add table inet pub '{
          set s { type ipv4_addr; flags interval; elements = { 151.101.1.0/24, 8.8.4.7, 140.82.112.5-140.82.114.9 }; }
          chain x { type filter hook input priority 5; ip saddr 8.8.4.5 drop comment "bob"; ip daddr 151.101.0.0/16 accept;
            ether saddr 52:54:00:11:22:33 drop; ip6 saddr 2a00:1450:4001::/48 drop; ip saddr @s drop; }; }'
        ip netns exec prod nft -f - <<'END'
table ip people { comment "people1"
  set s { type ipv4_addr; comment "people2"; elements = { 10.0.0.1 comment "people3" }; }
  counter c { comment "people4"; }
  chain x { comment "people5"; log prefix "people6" accept comment "people7"; }
}
END
        ip -n prod route add 10.77.0.0/16 encap ip id 5 dst 9.9.9.9 via 10.7.0.9
        printf 'nameserver 8.8.4.4\\nsearch corp.acme.com\\n' > /etc/netns/prod/resolv.conf`);
      try {
        const taken = net.nstool(['net', 'snapshot', 'netns:prod', '--anonymise', '-o', '/run/other.json']);
        expect(taken.stderr).toContain('names of links');
        const text = sh('cat /run/other.json');
        expect(faults('net snapshot', JSON.parse(text))).toEqual([]);
        for (const hidden of [
          /8\.8\.4\./,
          /0808040/,
          /151\.101/,
          /97650/,
          /8c5270/,
          /2a00/,
          /525400112233/,
          /acme/,
          /626f62/,
          // people1 and so on; 9.9.9.9.
          /70656f706c653/,
          /09090909/,
        ])
          expect(text).not.toMatch(hidden);
        expect(net.nstool(['net', 'replay', '/run/other.json', '--as', 'copy']).status).toBe(0);
        const route = /^(198\.18\.\d+\.0\/16) via (\S+)\.1 dev eth0/m.exec(sh('ip -n copy route'));
        expect(sh('ip -n copy -o addr')).toContain(`inet ${route?.[2]}.5/24`);
        expect(sh('cat /etc/netns/copy/resolv.conf')).toBe(`nameserver ${route?.[2]}.4\nsearch name1.example\n`);
        const rules = sh('ip netns exec copy nft list table inet pub');
        const people = sh('ip netns exec copy nft list table ip people');
        expect(people.match(/comment "comment\d+"/g)).toHaveLength(6);
        expect(people).toMatch(/log prefix "log\d+" accept/);
        expect(sh('ip -n copy route show 10.77.0.0/16')).toMatch(/encap ip id 5 src 0\.0\.0\.0 dst 198\.\d+\.\d+\.9 /);
        expect(rules).toContain(`ip saddr ${route?.[2]}.5 drop comment "comment`);
        expect(rules).toContain(`ip daddr ${route?.[1]} accept`);
        expect(rules).toContain(`${route?.[2]}.7`);
        expect(rules).toContain('198.18.1.0/24');
        expect(rules).toMatch(/198\.19\.\d+\.5-198\.19\.\d+\.9/);
      } finally {
        sh(`ip netns exec prod nft delete table inet pub; ip netns exec prod nft delete table ip people
          ip -n prod route del 10.77.0.0/16; ip -n prod route del 151.101.0.0/16; ip -n prod addr del 8.8.4.5/24 dev eth0
          ip -n prod -6 addr del 2a00:1450:4001:81b::200e/64 dev eth0; echo nameserver 10.7.0.53 > /etc/netns/prod/resolv.conf`);
      }
    });

    it('--dry-run changes nothing', () => {
      const answer = JSON.parse(
        net.nstool(['net', 'replay', SNAPSHOT, '--as', 'copy', '--dry-run', '--json']).stdout,
      ) as Answer;
      expect(faults('net replay', answer)).toEqual([]);
      expect(passed('net replay', answer)).toEqual([]);
      expect(net.state()).toBe(before);
    });

    it('a plain user is refused, and nothing is left', () => {
      const { status, stderr } = net.nstool(['net', 'replay', file, '--as', 'copy'], [], PLAIN_UID);
      expect(status).toBe(3);
      expect(stderr).toContain('cannot read');
      sh(`cp ${SNAPSHOT} /run/open.json; chmod 644 /run/open.json`);
      expect(net.nstool(['net', 'replay', '/run/open.json', '--as', 'copy'], [], PLAIN_UID)).toMatchObject({
        status: 4,
        stdout: '',
      });
    });

    it.each([
      ['no JSON', (text: string) => text.slice(0, -100), 'no JSON'],
      [
        'another version',
        (text: string) => text.replace('"nstool_snapshot": 1', '"nstool_snapshot": 2'),
        'nstool_snapshot',
      ],
      ['a field more', (text: string) => text.replace('"made"', '"maid"'), 'made: it is missing'],
      [
        'a field too much',
        (text: string) => text.replace('"made"', '"more": 1, "made"'),
        'more: a snapshot has no such field',
      ],
      [
        'an index of text',
        (text: string) => text.replace('"ifindex": 2', '"ifindex": "2"'),
        'networks[0].links[1].ifindex',
      ],
      [
        'an index of two',
        (text: string) => text.replace('"ifindex": 2', '"ifindex": 1'),
        'networks[0].links[1].ifindex',
      ],
      [
        'a name with a slash',
        (text: string) => text.replace('"name": "eth0"', '"name": "../e"'),
        'networks[0].links[1].name',
      ],
      [
        'a name that is too long',
        (text: string) => text.replace('"name": "eth0"', '"name": "eth0123456789abcd"'),
        'links[1].name',
      ],
      [
        'a kind of an object',
        (text: string) => text.replace('"kind": "veth"', '"kind": "constructor"'),
        'networks[0].links[1].kind',
      ],
      ['no address', (text: string) => text.replace('"10.7.0.2"', '"10.7.0.256"'), 'networks[0].addresses'],
      ['another family', (text: string) => text.replace('"family": 10', '"family": 16'), '.family'],
      [
        'a setting elsewhere',
        (text: string) => text.replace('"ipv4/tcp_keepalive_time"', '"../kernel/core_pattern"'),
        'core_pattern',
      ],
      ['a file elsewhere', (text: string) => text.replace('"resolv.conf"', '"../passwd"'), 'networks[0].files'],
      ['bytes that are none', (text: string) => text.replace('"userdata": "', '"userdata": "0g'), '.userdata'],
      ['another sort', (text: string) => text.replace('"sort": "rule"', '"sort": "rule2"'), '.sort'],
      ['no other end', (text: string) => text.replace('"network": 1', '"network": 7'), '.peer'],
      ['an empty file', () => '', 'no JSON'],
      ['another document', () => '[]', 'the whole'],
    ])('a broken file is refused with the place, and nothing is made: %s', (_, spoil, words) => {
      const text = sh(`cat ${SNAPSHOT}`);
      const spoilt = spoil(text);
      expect(spoilt).not.toBe(text);
      writeFileSync(file, spoilt);
      const { status, stdout, stderr } = net.nstool(['net', 'replay', file, '--as', 'copy']);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toContain(words);
      expect(net.state()).toBe(before);
    });

    describe.skipIf(lacks('strace'))('stopped in the middle', () => {
      function traced(call: string, inject: readonly string[]): number {
        const trace = ['strace', '-f', '-o', file, '-e', `trace=${call}`, ...inject];
        net.run(...trace, ...commandLine(['net', 'replay', SNAPSHOT, '--as', 'copy']));
        return readFileSync(file, 'utf8')
          .split('\n')
          .filter((line) => line.includes(`${call}(`)).length;
      }

      it.each([
        ['unshare', 'signal=SIGKILL'],
        ['sendto', 'signal=SIGKILL'],
        ['mount', 'signal=SIGKILL'],
        ['mount', 'error=EPERM'],
        ['rename', 'signal=SIGKILL'],
        ['mkdir', 'signal=SIGKILL'],
        ['mkdir', 'error=ENOSPC'],
      ])(
        'at each %s, by %s: gc or down leaves nothing',
        (call, fault) => {
          const count = traced(call, []);
          net.nstool(['net', 'down', 'copy']);
          expect(count).toBeGreaterThan(0);
          // Of many some: what is in between is alike.
          const stride = Math.ceil(count / 6);
          for (let at = 1; at <= count; at += stride) {
            traced(call, ['-e', `inject=${call}:${fault}:when=${at}`]);
            const cleaned = net.nstool(['gc']);
            expect(cleaned.status, `${call} ${at}: ${cleaned.stdout}${cleaned.stderr}`).toBe(0);
            if (net.state().includes('net-copy')) expect(net.nstool(['net', 'down', 'copy']).status).toBe(0);
            expect(net.state(), `${call} ${at}`).toBe(before);
          }
        },
        120_000,
      );
    });
  });

  describe('of a network with what no snapshot holds', () => {
    beforeAll(async () => {
      net = await world(`
        ip netns add prod
        ip -n prod link add eth0 type veth peer name eth1
        ip -n prod link set eth1 up
        ip -n prod link set eth0 up
        ip -n prod addr add 10.5.0.2/24 dev eth0`);
    });
    afterAll(() => net.end());

    const missing = (): readonly string[] => {
      take();
      const { missing: told } = JSON.parse(sh(`cat ${SNAPSHOT}`)) as { readonly missing: readonly { what: string }[] };
      return told.map(({ what }) => what).filter((what) => !what.startsWith('resolv.conf'));
    };

    it('it is counted, and where there is none nothing is told', () => {
      expect(missing()).toEqual([]);
      sh(`ip -n prod nexthop add id 7 via 10.5.0.1 dev eth0
        ip -n prod route add 10.9.0.0/16 nhid 7`);
      expect(missing()).toEqual(['nexthop objects: 1']);
      sh('ip netns add empty');
      expect(net.nstool(['diff', 'netns:prod', 'netns:empty']).stdout).toMatch(/^nexthop objects +1 +\(none\)$/m);
      sh('ip -n prod nexthop flush');
      const kinds = ['fq_codel', 'tbf rate 1mbit burst 10k latency 10ms'].filter(
        (kind) => net.run('sh', '-c', `tc -n prod qdisc replace dev eth0 root handle 1: ${kind}`).status === 0,
      );
      const [kind] = kinds.at(-1)?.split(' ') ?? [];
      expect(missing()).toEqual(kind === undefined ? [] : [`queueing disciplines that were set: ${kind} of eth0`]);
      sh('tc -n prod qdisc del dev eth0 root');
      const { status } = net.run('sh', '-c', 'ip -n prod xfrm policy add src 10.5.0.0/24 dst 10.7.0.0/24 dir out');
      expect(missing()).toEqual(status === 0 ? ['policies of IPsec: 1'] : []);
    });
  });

  describe('of a machine with a bridge', () => {
    beforeAll(async () => {
      net = await world(BRIDGED);
      take();
    });
    afterAll(() => net.end());

    it('is the same but for the other ends of its ports', () => {
      const { networks, not_as_it_was: others } = replay();
      expect(networks).toEqual(['copy', 'copy-router']);
      expect(others.filter(({ state }) => state !== 'missing')).toEqual([]);
      expect(plain(sh(seenBy('copy')))).toEqual(plain(sh(seenBy('prod'))));
      expect(net.nstool(['net', 'down', 'copy']).status).toBe(0);
    });
  });
});
