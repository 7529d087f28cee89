// The host around the targets of an audit: what is read once for all of them.

import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { askedOnce } from '../../cgroups/asked-once.ts';
import { containerKey } from '../../containers/identity.ts';
import { IdentityResolver } from '../../containers/identify.ts';
import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { value, valueOf, type Host, type NamespaceQuestion, type Reading } from '../../kernel/host.ts';
import { memo } from '../../kernel/memo.ts';
import { parseGroups } from '../../kernel/text/group.ts';
import type { Mount } from '../../kernel/text/mountinfo.ts';
import { parseListeningNames } from '../../kernel/text/unix-sockets.ts';
import { lookAtAll, type Crowd } from '../../namespaces/crowd.ts';
import { judgeOfInitial } from '../../namespaces/initial.ts';
import { ownInode } from '../../namespaces/own.ts';
import { mountinfoOf } from '../mount-table.ts';
import { mountAt } from '../../kernel/mount-at.ts';

const crowds = memo<Crowd>();
const capabilities = memo<Reading<bigint>>();
const tables = memo<Reading<readonly Mount[]>>();
const groups = memo<Reading<ReadonlyMap<string, number>>>();
const owns = memo<bigint | undefined>();
const relations = memo<Reading<bigint>>();
const listeners = memo<Reading<readonly string[]>>();
const containers = memo<ReadonlyMap<string, number>>();
const places = memo<HostPlace | undefined>();
const existing = memo<boolean>();

/** A file or directory of the host, as its file system has it. */
export interface HostPlace {
  readonly path: string;
  /** `major:minor`. */
  readonly device: string;
  /** Below the root of the file system. */
  readonly inside: string;
}

/** Without the file no group has a name. */
export function groupsOf(bytes: Reading<Uint8Array>): Reading<ReadonlyMap<string, number>> {
  if (bytes.ok) return value(parseGroups(bytes.value));
  return bytes.gap.reason === 'gone' ? value(new Map()) : bytes;
}

export class Surroundings {
  readonly host: Host;
  /** For files of cgroups: those above are the same for most. */
  readonly cgroups: Host;
  readonly resolver: IdentityResolver;
  readonly isInitial: (kind: NamespaceKind, inode: bigint) => boolean | null;

  constructor(host: Host) {
    this.host = host;
    this.cgroups = askedOnce(host);
    this.resolver = new IdentityResolver(host);
    this.isInitial = judgeOfInitial(host);
  }

  get crowd(): Crowd {
    return crowds(this, '', () => lookAtAll(this.host, this.resolver));
  }

  get allCapabilities(): Reading<bigint> {
    return capabilities(this, '', () => allCapabilities(this.host));
  }

  /** As we see it: that of the host, where we are in its mount namespace. */
  get mounts(): Reading<readonly Mount[]> {
    return tables(this, '', () => mountinfoOf(this.host, 'self'));
  }

  get groups(): Reading<ReadonlyMap<string, number>> {
    return groups(this, '', () => {
      return groupsOf(this.host.readFile('/etc/group'));
    });
  }

  /** Of our own namespace. undefined: not told. */
  own(kind: NamespaceKind): bigint | undefined {
    return owns(this, kind, () => ownInode(this.host, kind));
  }

  /** Who made, or owns, the namespace of this link; `path` leads to it. */
  relation(link: string, path: string, questions: readonly NamespaceQuestion[]): Reading<bigint> {
    return relations(this, `${questions.join(' ')} ${link}`, () => this.host.askNamespace(path, questions));
  }

  /** The names of listening unix sockets in the network namespace of this link. */
  listeners(link: string, pid: number | 'self'): Reading<readonly string[]> {
    return listeners(this, link, () => {
      const bytes = this.host.readFile(`/proc/${pid}/net/unix`);
      return bytes.ok ? value(parseListeningNames(bytes.value)) : bytes;
    });
  }

  /** The containers with a process in the namespace of this link, each by its key, and the first process of each. */
  containersIn(link: string): ReadonlyMap<string, number> {
    return containers(this, link, () => {
      const found = new Map<string, number>();
      for (const pid of this.crowd.scan.namespaces.get(link)?.pids ?? []) {
        const identity = valueOf(this.resolver.identify(pid));
        if (identity?.role !== 'payload') continue;
        const key = containerKey(identity);
        if (!found.has(key)) found.set(key, pid);
      }
      return found;
    });
  }

  /** Is there such a file here? */
  exists(path: string): boolean {
    return existing(this, path, () => this.host.stat(path).ok);
  }

  /** undefined: there is no mount table, or nothing is mounted there. */
  place(path: string): HostPlace | undefined {
    return places(this, path, () => {
      const mounts = valueOf(this.mounts);
      const mount = mounts === undefined ? undefined : mountAt(mounts, path);
      if (mount === undefined) return undefined;
      const rest = mount.mountPoint === '/' ? path : path.slice(mount.mountPoint.length);
      const inside = `${mount.root === '/' ? '' : mount.root}${rest === '/' ? '' : rest}`;
      return { path, device: `${mount.major}:${mount.minor}`, inside: inside === '' ? '/' : inside };
    });
  }
}
