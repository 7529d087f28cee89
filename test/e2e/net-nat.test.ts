// `nstool net up --nat --publish`: real packets, what nft(8) makes of the rules, what is given back, and other firewalls.

import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { countCalls, pointsOf, runFaulty, type Left } from '../support/fault-rounds.ts';
import { BEYOND, NatLab, OUTSIDE, type Question } from '../support/nat-lab.ts';
import { commandLine } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { faults } from '../support/schemas.ts';

const GATEWAY = '192.168.10.1';

const tcp = (host: string, port: number): Question => ({ protocol: 'tcp', host, port });
const udp = (host: string, port: number): Question => ({ protocol: 'udp', host, port });
const inVain = (question: Question): Question => ({ ...question, inVain: true });

describe.skipIf(lacks('root', 'unshare', 'nsenter', 'ip', 'nft', 'python'))('net up', () => {
  let lab: NatLab;
  let before: string;

  beforeAll(async () => {
    lab = await NatLab.start();
    lab.net.nstool(['net', 'up']);
    lab.net.nstool(['net', 'down']);
    lab.net.run('rmdir', '/etc/netns');
    before = lab.state();
  });
  afterEach(() => {
    for (const name of ['two', 'ns1']) lab.net.nstool(['net', 'down', name]);
    expect(lab.state()).toBe(before);
  });
  afterAll(() => lab.end());

  function up(...options: readonly string[]): string {
    const { status, stderr } = lab.net.nstool(['net', 'up', ...options]);
    expect(status, stderr).toBe(0);
    return stderr;
  }

  it('--nat: who is inside speaks to the world by the address of the host', () => {
    expect(lab.net.nstool(['net', 'up']).stderr).toContain(
      '8.8.8.8 cannot be reached from ns1: there is no NAT (--nat)',
    );
    expect(lab.ask('beyond', 80, 'ns1', [inVain(tcp(BEYOND, 80))])).toEqual(['no answer']);
    lab.net.nstool(['net', 'down']);
    up('--nat');
    up('two', '--use-bridge', '--address', '192.168.10.12/24');
    expect(lab.ask('beyond', 80, 'ns1', [tcp(BEYOND, 80), udp(BEYOND, 80)])).toEqual([OUTSIDE, OUTSIDE]);
    // Neighbours and the host see who it is.
    expect(lab.ask('two', 80, 'ns1', [tcp('192.168.10.12', 80)])).toEqual(['192.168.10.11']);
    expect(lab.ask(null, 80, 'ns1', [tcp(GATEWAY, 80), tcp(OUTSIDE, 80)])).toEqual(['192.168.10.11', '192.168.10.11']);
  });

  it('--publish: a port of the host leads inside, for others, the host, neighbours and itself', () => {
    up('--publish', '8080:80', '--publish', '5353:80/udp');
    up('two', '--use-bridge', '--address', '192.168.10.12/24');
    const ports = (host: string): readonly Question[] => [tcp(host, 8080), udp(host, 5353)];
    expect(lab.ask('ns1', 80, 'beyond', ports(OUTSIDE))).toEqual([BEYOND, BEYOND]);
    expect(lab.ask('ns1', 80, null, [...ports(OUTSIDE), ...ports(GATEWAY)])).toEqual([
      OUTSIDE,
      OUTSIDE,
      GATEWAY,
      GATEWAY,
    ]);
    for (const client of ['two', 'ns1'])
      expect(lab.ask('ns1', 80, client, [...ports(OUTSIDE), ...ports(GATEWAY)])).toEqual([
        GATEWAY,
        GATEWAY,
        GATEWAY,
        GATEWAY,
      ]);
    // Not its loopback, and not the other protocol.
    expect(lab.ask('ns1', 80, null, [tcp('127.0.0.1', 8080), tcp(OUTSIDE, 5353)])).toEqual(['no answer', 'no answer']);
  });

  it('--publish 127.0.0.1: only what the host says to itself leads inside', () => {
    up('--publish', '127.0.0.1:8080:80');
    expect(lab.ask('ns1', 80, null, [tcp('127.0.0.1', 8080), tcp(OUTSIDE, 8080)])).toEqual([GATEWAY, 'no answer']);
    expect(lab.ask('ns1', 80, 'beyond', [tcp(OUTSIDE, 8080)])).toEqual(['no answer']);
    expect(lab.must('cat', '/proc/sys/net/ipv4/conf/nstool0/route_localnet')).toBe('1\n');
    // A neighbour that speaks to our loopback is not heard.
    lab.must('ip', '-n', 'ns1', 'route', 'add', '127.0.0.2/32', 'via', GATEWAY, 'table', '7');
    lab.must('ip', '-n', 'ns1', 'rule', 'add', 'to', '127.0.0.2', 'lookup', '7', 'pref', '0');
    lab.must('ip', 'netns', 'exec', 'ns1', 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet');
    lab.must('ip', '-n', 'ns1', 'rule', 'del', 'pref', '0', 'lookup', 'local');
    lab.must('ip', '-n', 'ns1', 'rule', 'add', 'pref', '1', 'lookup', 'local');
    expect(lab.ask(null, 81, 'ns1', [inVain(tcp('127.0.0.2', 81))])).toEqual(['no answer']);
    const counted = lab.must('nft', 'list', 'chain', 'inet', 'nstool_ns1', 'guard');
    expect(counted).toMatch(/ip daddr 127\.0\.0\.0\/8 counter packets [1-9]/);
  });

  it.skipIf(lacks('br_netfilter'))('with bridge-nf-call-iptables who publishes a port reaches it, too', () => {
    const calls = '/proc/sys/net/bridge/bridge-nf-call-iptables';
    lab.must('sh', '-c', `echo 1 > ${calls}`);
    up('--publish', '8080:80');
    expect(lab.ask('ns1', 80, 'ns1', [tcp(OUTSIDE, 8080), tcp(GATEWAY, 8080)])).toEqual([GATEWAY, GATEWAY]);
    expect(lab.net.nstool(['net', 'up', '--publish', '8080:80']).stderr).toContain('nothing was changed');
    lab.must('sh', '-c', `echo 0 > ${calls}`);
  });

  it('makes the rules that nft(8) makes of the same words', () => {
    up('--nat', '--publish', `${OUTSIDE}:8080:80`, '--publish', '53:53/udp', '--publish', '127.0.0.1:81:80');
    const ours = [lab.ruleset(), lab.must('nft', '-sj', 'list', 'ruleset')];
    lab.must('nft', 'flush', 'ruleset');
    const mark = 'comment "nstool:lab=ns1"';
    const documented = `table inet nstool_ns1 {
      ${mark}
      chain guard {
        type filter hook prerouting priority raw; policy accept;
        iifname "nstool0" ip daddr 127.0.0.0/8 counter drop ${mark}
        iifname "nstool0" ip saddr 127.0.0.0/8 counter drop ${mark}
      }
      chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        ip daddr ${OUTSIDE} tcp dport 8080 counter dnat ip to 192.168.10.11:80 ${mark}
        meta nfproto ipv4 fib daddr type local udp dport 53 counter dnat ip to 192.168.10.11:53 ${mark}
      }
      chain output {
        type nat hook output priority -100; policy accept;
        ip daddr ${OUTSIDE} tcp dport 8080 counter dnat ip to 192.168.10.11:80 ${mark}
        ip daddr != 127.0.0.0/8 fib daddr type local udp dport 53 counter dnat ip to 192.168.10.11:53 ${mark}
        ip daddr 127.0.0.1 tcp dport 81 counter dnat ip to 192.168.10.11:80 ${mark}
      }
      chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 192.168.10.0/24 ip daddr 192.168.10.11 tcp dport 80 ct status dnat counter masquerade ${mark}
        ip saddr 192.168.10.0/24 ip daddr 192.168.10.11 udp dport 53 ct status dnat counter masquerade ${mark}
        ip saddr 127.0.0.0/8 ip daddr 192.168.10.11 tcp dport 80 ct status dnat counter masquerade ${mark}
        ip saddr 192.168.10.0/24 ip daddr 224.0.0.0/4 counter return ${mark}
        ip saddr 192.168.10.0/24 ip daddr != 192.168.10.0/24 counter masquerade ${mark}
      }
    }`;
    lab.must('nft', documented);
    const handles = (json: string): string => json.replaceAll(/"handle": \d+/g, '"handle": 0');
    expect(ours[0]).toBe(lab.ruleset());
    expect(handles(ours[1] ?? '')).toBe(handles(lab.must('nft', '-sj', 'list', 'ruleset')));
  });

  it('a second one changes nothing, and mends what somebody took away', () => {
    const words = ['--nat', '--publish', '8080:80'];
    up(...words);
    const whole = lab.state();
    const own = commandLine(['net', 'up', ...words]).join(' ');
    const monitor = (command: string): string =>
      lab.must(
        'sh',
        '-c',
        `nft monitor > /run/seen & sleep 0.5; ${command} 2>/dev/null; sleep 0.3; kill $!; cat /run/seen`,
      );
    expect(monitor('nft add table x; nft delete table x')).not.toBe('');
    expect(monitor(own)).toBe('');
    const [rule = ''] =
      /(?<=handle )\d+/.exec(lab.must('nft', '-a', 'list', 'chain', 'inet', 'nstool_ns1', 'output')) ?? [];
    const broken = [
      'nft flush ruleset',
      'nft flush chain inet nstool_ns1 postrouting',
      `nft add rule inet nstool_ns1 output accept`,
      `nft delete chain inet nstool_ns1 output ${rule === '' ? '' : '|| nft flush chain inet nstool_ns1 output'}`,
      'echo 0 > /proc/sys/net/ipv4/ip_forward',
      'nft add chain inet nstool_ns1 prerouting "{ policy drop; }"',
    ];
    for (const command of broken) {
      lab.must('sh', '-c', `${command} 2>/dev/null`);
      expect(lab.state(), command).not.toBe(whole);
      up(...words);
      expect(lab.state(), command).toBe(whole);
    }
  });

  it('forwarding is given back by the last that needs it, with what the kernel changed along with it', () => {
    lab.must(
      'sh',
      '-c',
      'echo 1 > /proc/sys/net/ipv4/conf/up0/forwarding; echo 0 > /proc/sys/net/ipv4/conf/all/accept_redirects',
    );
    const odd = lab.state();
    up('--nat');
    up('two', '--nat', '--bridge', 'b2', '--address', '192.168.20.2/24');
    lab.net.nstool(['net', 'down']);
    expect(lab.must('cat', '/proc/sys/net/ipv4/ip_forward')).toBe('1\n');
    expect(lab.ask('beyond', 80, 'two', [tcp(BEYOND, 80)])).toEqual([OUTSIDE]);
    lab.net.nstool(['net', 'down', 'two']);
    expect(lab.state()).toBe(odd);
    // Somebody else switched it on meanwhile, or off: it is theirs.
    up('--nat');
    lab.must('sh', '-c', 'echo 2 > /proc/sys/net/ipv4/ip_forward');
    lab.net.nstool(['net', 'down']);
    expect(lab.must('cat', '/proc/sys/net/ipv4/ip_forward')).toBe('2\n');
    lab.must(
      'sh',
      '-c',
      'cd /proc/sys/net/ipv4; echo 0 > ip_forward; echo 0 > conf/up0/forwarding; echo 1 > conf/all/accept_redirects',
    );
  });

  it('gc --dry-run says what gc does, of two that were killed and need the same', () => {
    up('--nat');
    up('two', '--nat', '--bridge', 'b2', '--address', '192.168.20.2/24');
    lab.must('sh', '-c', `sed -i 's/"kept":true/"kept":false/' /run/nstool/net-*`);
    const rows = (...words: readonly string[]): readonly unknown[] => {
      const { stdout } = lab.net.nstool([...words, '--json']);
      const { garbage } = JSON.parse(stdout) as { garbage: readonly { what: string; state: string; id: string }[] };
      return garbage.filter(({ what }) => what === 'net.ipv4.ip_forward').map(({ state, id }) => [state, id]);
    };
    for (const command of [['gc'], ['net', 'gc']])
      expect(rows(...command, '--dry-run')).toEqual([
        ['gone', 'net-two'],
        ['planned', 'net-ns1'],
      ]);
    expect(rows('gc')).toEqual([
      ['gone', 'net-two'],
      ['removed', 'net-ns1'],
    ]);
    expect(lab.state()).toBe(before);
  });

  it('IPv6 is the same, and what is asked for no more goes away', () => {
    lab.must(
      'sh',
      '-ec',
      'ip addr add 2001:db8:1::1/64 dev up0 nodad; ip -n beyond addr add 2001:db8:1::2/64 dev eth0 nodad',
    );
    const [far, near] = ['2001:db8:1::2', '2001:db8:1::1'];
    up('--nat', '--ipv6', '--publish', '8080:80', '--publish', `[${near}]:53:80/udp`);
    expect(lab.ask('beyond', 80, 'ns1', [tcp(far, 80), udp(far, 80), tcp(BEYOND, 80)])).toEqual([near, near, OUTSIDE]);
    expect(lab.ask('ns1', 80, 'beyond', [tcp(near, 8080), udp(near, 53), tcp(OUTSIDE, 8080)])).toEqual([
      far,
      far,
      BEYOND,
    ]);
    expect(lab.ask('ns1', 80, null, [tcp(near, 8080), udp(near, 53)])).toEqual([near, near]);
    expect(lab.ask('ns1', 80, 'ns1', [tcp(near, 8080), udp(near, 53)])).not.toContain('no answer');
    expect(lab.net.nstool(['net', 'up', '--publish', `[${near}]:53:53`]).stderr).toContain('nobody inside has an IPv6');
    expect(up('--ipv6', '--publish', '8080:80')).not.toContain('nothing was changed');
    expect(lab.ruleset()).toContain('dport 8080');
    expect(lab.ask('beyond', 80, 'ns1', [inVain(tcp(BEYOND, 80))])).toEqual(['no answer']);
    up();
    expect(lab.ruleset()).toBe('');
    for (const name of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'])
      expect(lab.must('cat', `/proc/sys/net/${name}`)).toBe('0\n');
    expect(up()).toContain('nothing was changed');
    lab.net.nstool(['net', 'down']);
    lab.must('sh', '-ec', 'ip addr del 2001:db8:1::1/64 dev up0; ip -n beyond addr del 2001:db8:1::2/64 dev eth0');
  });

  it('of a lab file, on the host and on a node that routes', () => {
    const file = `name: two
nodes: { br0: bridge, web: {}, r: {}, a: {} }
links:
  - web-br0
  - r-br0
  - ends: [{ node: a, address: 10.77.0.2/24 }, { node: r, address: 10.77.0.1/24 }]
nat: [br0, { source: 10.77.0.0/24, node: r }]
publish: ['8080:web:80']
`;
    lab.must('sh', '-c', `cat > /run/lab.yaml <<'END'\n${file}END`);
    up('-f', '/run/lab.yaml');
    lab.must('ip', '-n', 'a', 'route', 'add', 'default', 'via', '10.77.0.1');
    const gateway = "$(ip -o -4 addr show br0 | sed 's/.*inet //; s,/.*,,')";
    for (const node of ['r', 'web']) lab.must('sh', '-c', `ip -n ${node} route replace default via ${gateway}`);
    expect(lab.ask('beyond', 80, 'a', [tcp(BEYOND, 80)])).toEqual([OUTSIDE]);
    expect(lab.ask('web', 80, null, [tcp(OUTSIDE, 8080)])).toEqual([OUTSIDE]);
    expect(up('-f', '/run/lab.yaml')).toContain('nothing was changed');
  });

  it('refuses ports that the host listens on, addresses that it does not have, and tables of others', () => {
    const refused = (words: readonly string[], text: string): void => {
      const { status, stderr } = lab.net.nstool(['net', 'up', ...words]);
      expect(stderr).toContain(text);
      expect(status).toBe(2);
      expect(lab.must('ip', '-o', 'link')).not.toContain('nstool0');
    };
    lab.must('nft', 'add', 'table', 'inet', 'nstool_ns1');
    refused(['--nat'], 'there is a table inet nstool_ns1 already');
    lab.must('nft', 'delete', 'table', 'inet', 'nstool_ns1');
    refused(['--publish', '203.0.113.9:8080:80'], 'the host does not have that address');
    refused(['--publish', '8080:80', '--publish', '8080:81'], 'published already');
    const listener = `
import socket, subprocess, sys
s = socket.create_server((sys.argv[1], 8080))
print(subprocess.run(sys.argv[2:], capture_output=True, text=True).stderr)`;
    const own = commandLine(['net', 'up', '--dry-run', '--publish', '8080:80']);
    expect(lab.must('python3', '-c', listener, '0.0.0.0', ...own)).toContain('the host listens on it');
    expect(lab.must('python3', '-c', listener, OUTSIDE, ...own)).toContain('the host listens on it');
    expect(lab.must('python3', '-c', listener, '127.0.0.1', ...own)).not.toContain('the host listens on it');
  });

  it('refuses ports that lead elsewhere already, of another network or of somebody else, before anything is made', () => {
    const refused = (words: readonly string[], ...texts: readonly string[]): void => {
      const { status, stderr } = lab.net.nstool(['net', 'up', 'two', '--bridge', 'b2', ...words]);
      for (const text of texts) expect(stderr).toContain(text);
      expect(status).toBe(2);
      expect(lab.must('ip', '-o', 'link')).not.toMatch(/\d: b2[:@]/);
    };
    const elsewhere = ['--address', '192.168.20.2/24'];
    up('--publish', '8080:80', '--publish', '127.0.0.1:81:80');
    refused(
      [...elsewhere, '--publish', '8080:80'],
      'port 8080/tcp cannot be published: it leads elsewhere already',
      'table inet nstool_ns1, chain prerouting, leads it to 192.168.10.11, port 80',
    );
    refused([...elsewhere, '--publish', `${OUTSIDE}:8080:80`], 'nstool_ns1', 'or nstool net down ns1');
    refused([...elsewhere, '--publish', '127.0.0.1:81:80'], 'chain output, leads it to 192.168.10.11');
    up('two', '--bridge', 'b2', ...elsewhere, '--publish', '8080:80/udp', '--publish', '81:80');
    lab.net.nstool(['net', 'down', 'two']);
    lab.net.nstool(['net', 'down']);
    // As docker does it, without a program that listens.
    lab.must(
      'nft',
      `table ip nat {
        chain DOCKER { iifname != "docker0" tcp dport 9090 counter dnat to 172.17.0.2:80; }
        chain PREROUTING { type nat hook prerouting priority -100; fib daddr type local counter jump DOCKER; }
        chain OUTPUT { type nat hook output priority -100; ip daddr != 127.0.0.0/8 fib daddr type local jump DOCKER; }
      }`,
    );
    refused([...elsewhere, '--publish', '9090:80'], 'chain DOCKER, leads it to 172.17.0.2, port 80');
    up('--publish', '127.0.0.1:9090:80', '--publish', '9091:80');
    lab.net.nstool(['net', 'down']);
    lab.must('nft', 'flush', 'ruleset');
  });

  describe("somebody else's firewall", () => {
    afterEach(() => {
      for (const name of ['two', 'ns1']) lab.net.nstool(['net', 'down', name]);
      lab.must('nft', 'flush', 'ruleset');
    });

    it('that drops what passes is told with the line that lets it pass, and an accept of another table would not help', () => {
      lab.must(
        'nft',
        `table inet fw { chain fwd_in { type filter hook forward priority 0; policy drop; }; }
         table inet mine { chain f { type filter hook forward priority -10; policy accept; accept; }; }`,
      );
      const rules = lab.ruleset();
      const dry = lab.net.nstool(['net', 'up', '--nat', '--dry-run', '--json']);
      const plan = JSON.parse(dry.stdout) as { obstacles: readonly { command: string; certain: boolean }[] };
      expect(faults('net up', plan)).toEqual([]);
      expect(plan.obstacles).toMatchObject([{ table: 'inet fw', chain: 'fwd_in', rule: 'policy drop', certain: true }]);
      expect(up('--nat')).toContain('table inet fw, chain fwd_in, drops what nstool0 and others say to each other');
      expect(lab.ask('beyond', 80, 'ns1', [inVain(tcp(BEYOND, 80))])).toEqual(['no answer']);
      lab.must('sh', '-ec', plan.obstacles[0]?.command ?? 'false');
      expect(lab.ask('beyond', 80, 'ns1', [tcp(BEYOND, 80)])).toEqual([OUTSIDE]);
      expect(up('--nat')).not.toContain('drops');
      lab.net.nstool(['net', 'down']);
      lab.must('nft', 'flush', 'chain', 'inet', 'fw', 'fwd_in');
      expect(lab.ruleset()).toBe(rules);
    });

    it('is told without a default route, and where only what comes in to a published port is dropped', () => {
      const told = (rules: string, ...words: readonly string[]): string => {
        lab.must('nft', `table inet fw { chain f { type filter hook forward priority 0; policy drop; ${rules} }; }`);
        const { stderr } = lab.net.nstool(['net', 'up', '--dry-run', ...words]);
        lab.must('nft', 'delete', 'table', 'inet', 'fw');
        return stderr;
      };
      const begun = 'iifname "nstool0" accept; ct state established accept;';
      const drops = 'table inet fw, chain f, drops';
      expect(told(begun, '--nat')).not.toContain(drops);
      expect(told(begun, '--nat', '--publish', '8080:80')).toContain(drops);
      expect(told(`${begun} ct status dnat accept;`, '--nat', '--publish', '8080:80')).not.toContain(drops);
      expect(told(`${begun} tcp dport 80 accept;`, '--publish', '8080:80')).not.toContain(drops);
      lab.must('ip', 'route', 'replace', '198.51.100.0/24', 'via', BEYOND);
      lab.must('ip', 'route', 'del', 'default');
      expect(told('', '--nat')).toContain(drops);
      lab.must('sh', '-ec', `ip route add default via ${BEYOND}; ip route del 198.51.100.0/24`);
    });

    it.skipIf(lacks('iptables'))("of iptables-legacy is told, too, with docker's own chain", () => {
      const forward = (...lines: readonly string[]): string =>
        lab.must('sh', '-ec', lines.map((line) => `iptables-legacy ${line}`).join('\n'));
      forward('-P FORWARD DROP');
      expect(up('--nat')).toContain('table legacy ip filter, chain FORWARD, drops');
      forward('-N DOCKER-USER', '-A FORWARD -j DOCKER-USER');
      const command = up('--nat').match(/(iptables-legacy -I DOCKER-USER -i nstool0 .*)/)?.[1] ?? 'false';
      expect(lab.ask('beyond', 80, 'ns1', [inVain(tcp(BEYOND, 80))])).toEqual(['no answer']);
      lab.must('sh', '-ec', command);
      expect(lab.ask('beyond', 80, 'ns1', [tcp(BEYOND, 80)])).toEqual([OUTSIDE]);
      expect(up('--nat')).not.toContain('drops');
      forward('-F', '-X DOCKER-USER', '-P FORWARD ACCEPT');
    });

    describe.skipIf(lacks('iptables', 'br_netfilter'))('docker', () => {
      const calls = '/proc/sys/net/bridge/bridge-nf-call-iptables';
      let rules: string;

      function saved(): string {
        return lab.must('sh', '-c', 'iptables-nft-save | grep -v "^#" | sed "s/\\[.*\\]//"');
      }

      function listed(): readonly string[] {
        return lab.must('iptables-nft', '-S', 'DOCKER-USER').split('\n').slice(1, -2);
      }

      it('has a chain for rules of others: two are added, and removed again', () => {
        lab.must(
          'sh',
          '-ec',
          'iptables-nft -N DOCKER-USER; iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -j DOCKER-USER; iptables-nft -A DOCKER-USER -j RETURN',
        );
        rules = saved();
        up('--nat', '--publish', '8080:80');
        expect(listed()).toEqual([
          '-A DOCKER-USER -i nstool0 -m comment --comment "nstool:lab=ns1" -j ACCEPT',
          '-A DOCKER-USER -o nstool0 -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -m comment --comment "nstool:lab=ns1" -j ACCEPT',
        ]);
        expect(lab.ask('beyond', 80, 'ns1', [tcp(BEYOND, 80)])).toEqual([OUTSIDE]);
        expect(lab.ask('ns1', 80, 'beyond', [tcp(OUTSIDE, 8080)])).toEqual([BEYOND]);
        expect(lab.net.nstool(['net', 'up', '--nat', '--publish', '8080:80']).stderr).toContain('nothing was changed');
        lab.must('iptables-nft', '-D', 'DOCKER-USER', '1');
        up('--nat', '--publish', '8080:80');
        expect(listed()).toHaveLength(2);
        lab.net.nstool(['net', 'down']);
        expect(saved()).toBe(rules);
      });

      it('with bridge-nf-call-iptables keeps neighbours on a bridge apart, and ours are let pass', () => {
        lab.must(
          'sh',
          '-ec',
          `iptables-nft -N DOCKER-USER; iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -j DOCKER-USER; echo 1 > ${calls}`,
        );
        up();
        up('two', '--use-bridge', '--address', '192.168.10.12/24');
        expect(listed()).toHaveLength(1);
        expect(lab.ask('two', 80, 'ns1', [tcp('192.168.10.12', 80)])).toEqual(['192.168.10.11']);
        lab.must('iptables-nft', '-F', 'DOCKER-USER');
        expect(lab.ask('two', 80, 'ns1', [inVain(tcp('192.168.10.12', 80))])).toEqual(['no answer']);
        up();
        expect(lab.ask('two', 80, 'ns1', [tcp('192.168.10.12', 80)])).toEqual(['192.168.10.11']);
        lab.must('sh', '-c', `echo 0 > ${calls}`);
      });
    });
  });

  describe.skipIf(lacks('strace', 'iptables'))('killed, or refused by the kernel, at each step', () => {
    const words = ['net', 'up', '--nat', '--publish', '8080:80', '--publish', '127.0.0.1:81:80'];
    let rules: string;

    beforeAll(() => {
      lab.must(
        'sh',
        '-ec',
        'iptables-nft -N DOCKER-USER; iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -j DOCKER-USER',
      );
      rules = before;
      before = lab.state();
    });
    afterAll(() => {
      lab.must('nft', 'flush', 'ruleset');
      before = rules;
    });

    // What only asks comes first, and is tested with net up alone: of the last so many, so many are tried.
    test.each([
      ['up', 'sendto', 'signal=KILL', 9, 4],
      ['up', 'sendto', 'error=EIO', 8, 3],
      ['up', 'write', 'signal=KILL', 8, 3],
      ['down', 'sendto', 'signal=KILL', 6, 3],
      ['down', 'write', 'signal=KILL', 3, 4],
    ] as const)(
      '%s, %s, %s: nothing is left after gc, or at once',
      (when, call, fault, changes, most) => {
        const command = commandLine(when === 'up' ? words : ['net', 'down']);
        if (when === 'down') lab.net.nstool(words);
        const count = countCalls(lab.net, call, command);
        expect(count).toBeGreaterThan(0);
        if (when === 'up') lab.net.nstool(['net', 'down']);
        const seen = new Set<Left>();
        for (const at of pointsOf(count - changes, count, most)) {
          if (when === 'down') lab.net.nstool(words);
          const left = runFaulty(lab.net, 'ns1', command, { call, fault }, at);
          seen.add(left);
          // What fails is undone at once, what is killed by gc alone; one that came too late did its work.
          if (left === 'lab') lab.net.nstool(['net', 'down']);
          else if (fault === 'signal=KILL') expect(lab.net.nstool(['gc']).status, `${call} ${at}`).toBe(0);
          expect(lab.state(), `${call} ${at}: ${left}`).toBe(before);
        }
        expect([...seen]).toContain(fault === 'signal=KILL' ? 'garbage' : 'nothing');
      },
      120_000,
    );
  });
});
