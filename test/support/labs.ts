// Labs for tests, and the program that makes them.

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';
import { parseIpNet, type IpNet } from '../../src/network/ip-net.ts';
import { encodeLab } from '../../src/network/lab-memory.ts';
import {
  namePath,
  NO_SETTINGS,
  type Lab,
  type LabEnd,
  type LabNode,
  type NamespaceNode,
  type NodeSettings,
} from '../../src/network/lab.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Of files in a directory of its own, until it is removed. */
export class LabMaker {
  private readonly folder = mkdtempSync(join(tmpdir(), 'nstool-labs-'));

  static async build(): Promise<LabMaker> {
    const maker = new LabMaker();
    await build({
      entryPoints: [join(root, 'test/support/lab-driver.ts')],
      outfile: join(maker.folder, 'dist/driver.cjs'),
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node20.19',
      logLevel: 'warning',
      external: ['koffi'],
      define: { 'import.meta.dirname': '__dirname' },
    });
    // It would wait for more.
    await stop();
    for (const name of ['node_modules', 'native']) symlinkSync(join(root, name), join(maker.folder, name));
    return maker;
  }

  /** The command line that makes it. */
  command(lab: Lab, ...options: readonly string[]): readonly string[] {
    const file = join(this.folder, `${lab.name}.json`);
    writeFileSync(file, encodeLab(lab));
    return [process.execPath, join(this.folder, 'dist/driver.cjs'), file, ...options];
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

function net(text: string): IpNet {
  const parsed = parseIpNet(text);
  if (parsed === undefined) throw new Error(`${text} is no net`);
  return parsed;
}

export function namespace(name: string, settings: Partial<NodeSettings> = {}): NamespaceNode {
  return { kind: 'namespace', ...NO_SETTINGS, ...settings, name, path: namePath(name), start: [] };
}

export function bridge(name: string, inside: string, addresses: readonly string[] = []): LabNode {
  return { kind: 'bridge', name, in: inside, addresses: addresses.map(net), mtu: null, stp: false, isForeign: false };
}

/** `r1:eth0`. */
export function end(text: string, ...addresses: readonly string[]): LabEnd {
  const [node = '', link = ''] = text.split(':');
  return { node, link, mac: null, addresses: addresses.map(net) };
}

function route(destination: string, gateway: string): NodeSettings['routes'][number] {
  return { destination, gateway, link: null, metric: null, table: null };
}

export const host: LabNode = { kind: 'host', ...NO_SETTINGS, name: 'host' };

/**
 * Four machines: a and b at a bridge of the host's, b forwards to c over a pair, and c has a bridge inside with d at it.
 */
export const FOUR: Lab = {
  name: 'four',
  nodes: [
    host,
    bridge('lab0', 'host', ['10.77.0.1/24', 'fd77::1/64']),
    namespace('a', { routes: [route('10.77.1.0/24', '10.77.0.3'), route('10.77.2.0/24', '10.77.0.3')] }),
    namespace('b', {
      sysctls: new Map([['net.ipv4.ip_forward', '1']]),
      routes: [route('10.77.2.0/24', '10.77.1.2')],
    }),
    namespace('c', {
      sysctls: new Map([['net.ipv4.ip_forward', '1']]),
      routes: [route('default', '10.77.1.1')],
    }),
    bridge('inner', 'c', ['10.77.2.1/24']),
    namespace('d', {
      routes: [route('default', '10.77.2.1')],
      dns: ['10.77.0.1'],
      search: ['lab.test'],
      hosts: new Map([['a', '10.77.0.2']]),
    }),
  ],
  links: [
    { kind: 'veth', ends: [end('lab0:veth-a'), end('a:eth0', '10.77.0.2/24', 'fd77::2/64')], mtu: 1400 },
    { kind: 'veth', ends: [end('b:eth0', '10.77.0.3/24'), end('lab0:veth-b')], mtu: null },
    { kind: 'veth', ends: [end('b:eth1', '10.77.1.1/24'), end('c:eth0', '10.77.1.2/24')], mtu: null },
    { kind: 'veth', ends: [end('inner:port-d'), end('d:eth0', '10.77.2.2/24')], mtu: null },
  ],
  nat: [],
  publish: [],
};

/** So many machines at one bridge. */
export function star(count: number): Lab {
  const names = Array.from({ length: count }, (_, index) => `n${index}`);
  return {
    ...FOUR,
    name: 'star',
    nodes: [host, bridge('star0', 'host', ['10.78.0.1/16']), ...names.map((name) => namespace(name))],
    links: names.map((name, index) => ({
      kind: 'veth',
      ends: [end(`star0:v-${name}`), end(`${name}:eth0`, `10.78.${1 + (index >> 7)}.${1 + (index & 127)}/16`)],
      mtu: null,
    })),
  };
}
