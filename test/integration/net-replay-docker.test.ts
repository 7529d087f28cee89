// A container of docker's, built again: what ip(8) and nft(8) see in both.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDocker, type Docker } from '../support/dockers.ts';
import { Yard } from '../support/engines.ts';
import { commandLine } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

describe.skipIf(lacks('root', 'busybox', 'docker', 'unshare', 'nsenter', 'ip'))(
  "docker's container, built again",
  { timeout: 60_000 },
  () => {
    let yard: Yard;
    let docker: Docker;

    beforeAll(async () => {
      yard = new Yard();
      docker = await startDocker(yard);
      docker.run('network', 'create', '-o', 'com.docker.network.bridge.name=lab0', 'lab');
      docker.run(
        'run',
        '-d',
        '--network',
        'lab',
        '--name',
        'web',
        '--add-host',
        'db.test:10.1.2.3',
        'tiny:1',
        'sleep',
        '1000',
      );
    }, 60_000);
    afterAll(() => yard.close());

    it('has the same links, addresses and routes, the files of the resolver, and its bridge as a router', () => {
      const pid = docker.run('inspect', '-f', '{{.State.Pid}}', 'web');
      const nstool = commandLine([]).join(' ');
      const seen = (ip: string): string =>
        `for what in addr 'route show table all' rule '-6 rule' 'route get 192.0.2.1'; do ${ip} -j $what | sed 's/"flags":\\[[^]]*\\]//g'; done`;
      // A mount namespace with an /etc of its own, in the network that docker's bridge is in.
      const script = `
        mkdir /run/etc-copy && cp -a /etc/. /run/etc-copy && mount --bind /run/etc-copy /etc && rm -rf /etc/netns
        until ip -o link show lab0 | grep -q 'state UP'; do sleep 0.1; done
        ${nstool} net snapshot ${pid} -o /run/web.json && ${nstool} net replay /run/web.json --as copy >&2 || exit 1
        ${seen(`nsenter -t ${pid} -n ip`)}; echo =====; ${seen('ip -n copy')}; echo =====
        cat /etc/netns/copy/hosts; ip -n copy-router -o addr show lab0; ip -o addr show lab0; echo =====
        ${nstool} net down copy; ls /run/netns /etc/netns 2>&1; rm -rf /run/etc-copy`;
      const words = ['nsenter', '-t', String(docker.pid), '-m', '-n', 'unshare', '-m', 'sh', '-c', script];
      const [original = '', copy = '', around = '', after = ''] = yard.run(...words).split('=====\n');
      expect(original).toContain('"eth0"');
      expect(copy).toBe(original);
      expect(around).toContain('10.1.2.3\tdb.test');
      const bridges = around.split('\n').filter((line) => line.includes(' lab0 ') && line.includes('inet '));
      const addresses = bridges.map((line) => / inet (\S+)/.exec(line)?.[1]);
      expect(addresses).toHaveLength(2);
      expect(addresses[0]).toBe(addresses[1]);
      expect(after).not.toContain('copy');
    });
  },
);
