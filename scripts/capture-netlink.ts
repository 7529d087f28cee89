// Writes fixtures/netlink: answers of this kernel, byte by byte, about a small network made for it, and the mounts of its
// mount namespace. Needs root.
//
//   NSTOOL_TEST_NETWORKS=3 npx tsx scripts/capture-netlink.ts

import { mkdirSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { linuxHost } from '../src/host/linux/linux-host.ts';
import { toHex } from '../src/host/recorded/archive.ts';
import { NSFS_MAGIC, SYSFS_MAGIC } from '../src/kernel/abi/nsfs.ts';
import { valueOf, type NetlinkRequest } from '../src/kernel/host.ts';
import { encodeAddressDump } from '../src/kernel/netlink/addresses.ts';
import { encodeLinkDump } from '../src/kernel/netlink/links.ts';
import { encodeRouteDump } from '../src/kernel/netlink/routes.ts';
import { encodeRuleDump } from '../src/kernel/netlink/rules.ts';
import { encodePacketSocketDump } from '../src/kernel/netlink/packet-sockets.ts';
import { encodeUnixListenerDump } from '../src/kernel/netlink/unix-listeners.ts';
import { encodeListenerDump, encodeSocketDump, socketFamilies } from '../src/kernel/netlink/sock-diag.ts';
import { STATMOUNT_MASK } from '../src/kernel/statmount.ts';
import { makeNetLabs } from '../test/support/net-labs.ts';
import { makeSmallNetwork } from '../test/support/small-network.ts';
import { withoutLocalVersion } from './anonymise.ts';

const folder = fileURLToPath(new URL('../fixtures/netlink', import.meta.url));
const provenance = `# Linux ${withoutLocalVersion(release())}, ${process.arch}, root, ${new Date().toISOString().slice(0, 10)}, scripts/capture-netlink.ts`;

function write(name: string, what: string, structs: readonly Uint8Array[] | undefined): void {
  if (structs === undefined) throw new Error(`${name}: no answer`);
  writeFileSync(`${folder}/${name}.hex`, [`# ${what}`, provenance, ...structs.map(toHex), ''].join('\n'));
}

const host = linuxHost();
const network = await makeSmallNetwork();
const door = `/proc/${network.pid}/ns/net`;
const ask = (request: NetlinkRequest): readonly Uint8Array[] | undefined => valueOf(host.netlink(request));
try {
  mkdirSync(folder, { recursive: true });
  write('links', 'RTM_GETLINK: test/support/small-network.ts', ask(encodeLinkDump(door)));
  write('addresses', 'RTM_GETADDR: test/support/small-network.ts', ask(encodeAddressDump(door)));
  write('routes', 'RTM_GETROUTE: test/support/small-network.ts', ask(encodeRouteDump(door)));
  write('rules', 'RTM_GETRULE: test/support/small-network.ts', ask(encodeRuleDump(door)));
  for (const family of socketFamilies) {
    write(`sockets-${family}`, 'sock_diag: test/support/small-network.ts', ask(encodeSocketDump(family, door)));
  }
  write('listeners-unix', 'unix_diag: test/support/small-network.ts', ask(encodeUnixListenerDump(door)));
  write('listeners-packet', 'packet_diag: test/support/small-network.ts', ask(encodePacketSocketDump(door)));
  write('listeners-tcp', 'sock_diag: test/support/small-network.ts', ask(encodeListenerDump('tcp', door)));
  const id = valueOf(host.askNamespace(`/proc/${network.pid}/ns/mnt`, ['NS_GET_MNTNS_ID'])) ?? 0n;
  const mounts = host.mounts({ namespace: id, mask: STATMOUNT_MASK, magics: [NSFS_MAGIC, SYSFS_MAGIC], count: 0 });
  write('statmount', 'statmount(2): mounts of nsfs and sysfs', valueOf(mounts));
} finally {
  await network.end();
}

const labs = await makeNetLabs();
try {
  const request = encodeLinkDump(`/proc/${labs.pid}/ns/net`);
  write('links-detailed', 'RTM_GETLINK: test/support/net-labs.ts', ask(request));
} finally {
  await labs.end();
}
