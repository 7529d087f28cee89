// `nstool net up --nat` beside a docker daemon with its own firewall, which drops what passes the host and is not its own.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDocker } from '../support/dockers.ts';
import { Yard } from '../support/engines.ts';
import { commandLine } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

const ASK = `
import socket, sys
try: print(socket.create_connection((sys.argv[1], 80), float(sys.argv[2])).recv(100).decode())
except OSError: print('no answer')`;

const SERVE = `
import socket
s = socket.create_server(('0.0.0.0', 80))
while True:
    c, who = s.accept(); c.sendall(who[0].encode()); c.close()`;

describe.skipIf(lacks('root', 'ip', 'nft', 'iptables', 'python', 'docker', 'busybox'))('beside docker', () => {
  let yard: Yard;

  beforeAll(async () => {
    yard = new Yard();
    stage(`
mkdir /run/etc; cp -a /etc/. /run/etc; mount --bind /run/etc /etc; rm -rf /etc/netns
ip link set lo up
echo 0 > /proc/sys/net/ipv4/ip_forward
ip netns add beyond
ip link add up0 type veth peer name eth0 netns beyond
ip addr add 203.0.113.1/24 dev up0
ip link set up0 up
ip -n beyond link set eth0 up
ip -n beyond addr add 203.0.113.2/24 dev eth0
ip route add default via 203.0.113.2`);
    await startDocker(yard, { firewall: true });
    yard.daemon('ip', 'netns', 'exec', 'beyond', 'python3', '-c', SERVE);
  }, 60_000);
  afterAll(async () => {
    stage('ip netns del beyond');
    await yard.close();
  });

  /** What it prints, in the network of the daemon. */
  function stage(script: string): string {
    const out = join(yard.folder, 'out');
    yard.engine('sh', '-ec', `exec > ${out} 2>&1\n${script}`);
    return readFileSync(out, 'utf8');
  }

  function nstool(...words: readonly string[]): string {
    return stage(commandLine(words).join(' '));
  }

  function ask(from: string, host: string, seconds: number): string {
    return stage(
      `ip netns exec ${from} python3 -c "${ASK.replaceAll("'", '"').replaceAll('"', '\\"')}" ${host} ${seconds}`,
    ).trim();
  }

  function saved(): string {
    return stage('iptables-save | grep -v "^#" | sed "s/\\[.*\\]//"');
  }

  it('two rules in DOCKER-USER let it through, are needed, and go again; nothing of docker is changed', () => {
    const before = saved();
    expect(before).toContain(':FORWARD DROP');
    expect(before).toContain('-A FORWARD -j DOCKER-USER');
    nstool('net', 'up', '--nat');
    expect(stage('iptables -S DOCKER-USER').match(/nstool:lab=ns1/g)).toHaveLength(2);
    expect(ask('ns1', '203.0.113.2', 10)).toBe('203.0.113.1');
    expect(nstool('net', 'up', '--nat')).toContain('nothing was changed');
    stage('iptables -F DOCKER-USER; iptables -A DOCKER-USER -j RETURN');
    expect(ask('ns1', '203.0.113.2', 1)).toBe('no answer');
    nstool('net', 'up', '--nat');
    expect(ask('ns1', '203.0.113.2', 10)).toBe('203.0.113.1');
    nstool('net', 'down');
    expect(saved()).toBe(before);
  });
});
