// The network namespaces that a plan is about, each held by a descriptor for as long as it is carried out.

import { closeSync, fstatSync, openSync } from 'node:fs';
import { gap, value, type NetlinkRequest, type Reading } from '../../kernel/host.ts';
import { encodeLinkByName } from '../../kernel/netlink/change.ts';
import { decodeLinks } from '../../kernel/netlink/links.ts';
import type { NetworkPlace } from '../../kernel/network-plan.ts';
import { askNetlink } from './netlink-socket.ts';

const OWN = '/proc/thread-self/ns/net';

interface Held {
  readonly fd: number;
  readonly inode: bigint;
}

export class NetworkPlaces {
  private readonly held = new Map<string, Held>();
  /** The indexes of links by their names, as they do not change meanwhile. */
  private readonly indexes = new Map<NetworkPlace, Map<string, number>>();

  has(path: string): boolean {
    return this.held.has(path);
  }

  add(path: string, fd: number, inode: bigint): void {
    this.held.set(path, { fd, inode });
  }

  /** `inode`: what it must be. Errors: ESTALE: it is another by now; as of open(2). */
  open(path: string, inode: bigint | undefined): Reading<unknown> {
    const fd = openSync(path, 'r');
    const found = fstatSync(fd, { bigint: true }).ino;
    this.add(path, fd, found);
    return found === inode ? value(null) : gap({ reason: 'gone', what: path, errno: 'ESTALE' });
  }

  /** For a place that is held. */
  fd(path: string): number {
    const held = this.held.get(path);
    if (held === undefined) throw new Error(`${path} is not held`);
    return held.fd;
  }

  /** Of another place than `at`; null: it is the same. */
  otherFd(at: NetworkPlace, to: NetworkPlace): number | null {
    if (to === at) return null;
    if (to !== null) return this.fd(to);
    if (!this.held.has(OWN)) this.add(OWN, openSync(OWN, 'r'), 0n);
    return this.fd(OWN);
  }

  inode(path: string): bigint {
    return this.held.get(path)?.inode ?? 0n;
  }

  door(path: string): string {
    return `/proc/self/fd/${this.fd(path)}`;
  }

  ask(at: NetworkPlace, request: NetlinkRequest): Reading<readonly Uint8Array[]> {
    return askNetlink(at === null ? request : { ...request, namespace: this.door(at), keepsSocket: true });
  }

  /** Of a link. Errors: gone. */
  indexOf(at: NetworkPlace, name: string): Reading<number> {
    const known = this.indexes.get(at)?.get(name);
    if (known !== undefined) return value(known);
    const answer = this.ask(at, encodeLinkByName(name));
    const links = answer.ok ? decodeLinks(answer.value, name) : answer;
    if (!links.ok) return links;
    const [link] = links.value;
    if (link === undefined) return gap({ reason: 'gone', what: name, errno: 'ENODEV' });
    const indexes = this.indexes.get(at) ?? new Map<string, number>();
    this.indexes.set(at, indexes.set(name, link.ifindex));
    return value(link.ifindex);
  }

  /** Its link went. */
  forget(at: NetworkPlace, name: string): void {
    this.indexes.get(at)?.delete(name);
  }

  close(): void {
    // It takes the socket back that was kept.
    this.ask(null, encodeLinkByName('lo'));
    for (const { fd } of this.held.values()) closeSync(fd);
    this.held.clear();
  }
}
