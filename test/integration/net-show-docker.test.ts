// Which veth is whose, of docker's containers at a bridge of docker's: by what docker itself says, and the kernel in each.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { linkSentence } from '../../src/inspect/network/link-value.ts';
import { networkTarget } from '../../src/inspect/network/network-target.ts';
import { endOf } from '../../src/network/topology.ts';
import { startDocker, type Docker } from '../support/dockers.ts';
import { Yard } from '../support/engines.ts';
import { linkOf } from '../support/entered.ts';
import { lacks } from '../support/requires.ts';

interface Inspected {
  readonly State: { readonly Pid: number };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string; readonly MacAddress: string }>>;
  };
}

describe.skipIf(lacks('root', 'busybox', 'docker'))("docker's containers", { timeout: 60_000 }, () => {
  const host = linuxHost();
  let yard: Yard;
  let docker: Docker;

  beforeAll(async () => {
    yard = new Yard();
    docker = await startDocker(yard);
    docker.run('network', 'create', '-o', 'com.docker.network.bridge.name=lab0', 'lab');
    for (const name of ['first', 'second']) {
      docker.run('run', '-d', '--network', 'lab', '--name', name, 'tiny:1', 'sleep', '1000');
    }
  }, 60_000);
  afterAll(() => yard.close());

  it.each(['first', 'second'])('%s: its link, its address, and the port of the bridge', (name) => {
    const [inspected] = JSON.parse(docker.run('inspect', name)) as [Inspected];
    const pid = inspected.State.Pid;
    const target = networkTarget(host, String(pid));
    if (target.type !== 'namespace') throw new Error('no namespace');
    const { topology, place } = target;
    expect(topology.nameOf(place)).toBe(`container:${name}`);
    const { IPAddress: address, MacAddress: mac } = inspected.NetworkSettings.Networks['lab'] ?? {};
    const eth0 = place.links?.find((link) => link.name === 'eth0');
    expect(eth0?.address).toBe(mac);
    expect(place.addresses?.map((one) => one.address)).toContain(address);
    const end = endOf(topology, place, eth0?.ifindex ?? 0);
    if (end?.state !== 'known') throw new Error('no other end');
    expect(`net:[${end.in.inode}]`).toBe(linkOf(docker.pid, 'net'));
    // What the kernel's own file has of the container's link, as who is in it reads it.
    expect(readFileSync(`/proc/${pid}/net/dev`, 'utf8')).toContain('eth0:');
    expect(end.in.byIndex.get(end.link.master ?? 0)?.name).toBe('lab0');
    expect(linkSentence(topology, end.in, end.link)).toMatch(
      new RegExp(`^${end.link.name} in .* \\(port of lab0, forwarding\\) <-> eth0 in container:${name}$`),
    );
  });
});
