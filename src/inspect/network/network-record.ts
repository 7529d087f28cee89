// What a network namespace had when we last heard of it, and what of that has changed: the kernel tells of a whole link
// whenever anything of it changes, and is silent about routes that go with a link.

import type { InterfaceAddress } from '../../kernel/netlink/addresses.ts';
import type { DetailedLink } from '../../kernel/netlink/link-details.ts';
import type { NetworkEvent } from '../../kernel/netlink/network-events.ts';
import type { Route } from '../../kernel/netlink/routes.ts';
import { kindOf } from './link-value.ts';

export type RecordKind = 'link' | 'address' | 'route';

type Fields = Readonly<Record<string, string | number | boolean | null>>;

export interface NetworkChange {
  readonly event: 'added' | 'changed' | 'removed';
  readonly kind: RecordKind;
  /** As it is now; of what was removed as it was. */
  readonly fields: Fields;
  /** Of `changed`: what it was before, of the fields that differ. */
  readonly before: Fields;
}

/** All of a namespace, as dumps tell it. */
export interface NetworkDump {
  readonly links: readonly DetailedLink[];
  readonly addresses: readonly InterfaceAddress[];
  readonly routes: readonly Route[];
}

interface Entry {
  readonly kind: RecordKind;
  readonly key: string;
  readonly fields: Fields;
}

/** Of addresses: the kernel makes and removes its routes with them. */
const TABLE_LOCAL = 255;
const IFF_UP = 1;

/** IFA_F_*, where they say something is wrong or not yet so. */
const ADDRESS_STATES = [
  [0x40, 'tentative'],
  [0x08, 'dadfailed'],
  [0x20, 'deprecated'],
] as const;

export class NetworkRecord {
  private entries = new Map<string, Entry>();
  private readonly names = new Map<number, string>();

  /** What differs from what was known: all of it at first. */
  renew({ links, addresses, routes }: NetworkDump): readonly NetworkChange[] {
    for (const { ifindex, name } of links) this.names.set(ifindex, name);
    const now = [
      ...links.map((link) => this.ofLink(link)),
      ...addresses.map((address) => this.ofAddress(address)),
      ...routes.flatMap((route) => this.ofRoute(route)),
    ];
    const keys = new Set(now.map(({ key }) => key));
    const gone = [...this.entries.values()].filter(({ key }) => !keys.has(key));
    return [...gone.flatMap((entry) => this.remove(entry)), ...now.flatMap((entry) => this.put(entry))];
  }

  /** `isUnsure`: with that other things may have gone that the kernel does not tell of. */
  hear(event: NetworkEvent): { readonly changes: readonly NetworkChange[]; readonly isUnsure: boolean } {
    if (event.type === 'link' && !event.isGone) this.names.set(event.link.ifindex, event.link.name);
    const changes = this.entriesOf(event).flatMap((entry) => (event.isGone ? this.remove(entry) : this.put(entry)));
    const isUnsure = changes.some(
      ({ kind, event: act, before }) => kind === 'link' && (act === 'removed' || before['up'] === true),
    );
    return { changes, isUnsure };
  }

  private entriesOf(event: NetworkEvent): readonly Entry[] {
    if (event.type === 'link') return [this.ofLink(event.link)];
    return event.type === 'address' ? [this.ofAddress(event.address)] : this.ofRoute(event.route);
  }

  private put(entry: Entry): readonly NetworkChange[] {
    const known = this.entries.get(entry.key);
    this.entries.set(entry.key, entry);
    const { kind, fields } = entry;
    if (known === undefined) return [{ event: 'added', kind, fields, before: {} }];
    const before = Object.fromEntries(Object.entries(known.fields).filter(([key, value]) => fields[key] !== value));
    return Object.keys(before).length === 0 ? [] : [{ event: 'changed', kind, fields, before }];
  }

  private remove({ key, kind }: Entry): readonly NetworkChange[] {
    const known = this.entries.get(key);
    return this.entries.delete(key) && known !== undefined
      ? [{ event: 'removed', kind, fields: known.fields, before: {} }]
      : [];
  }

  private nameOf(ifindex: number | null): string | null {
    return ifindex === null ? null : (this.names.get(ifindex) ?? String(ifindex));
  }

  private ofLink(link: DetailedLink): Entry {
    const { ifindex, name, flags, operstate, mtu, master, address, alias } = link;
    const fields = {
      ifindex,
      ifname: name,
      kind: kindOf(link),
      up: (flags & IFF_UP) !== 0,
      operstate,
      mtu,
      master: this.nameOf(master),
      address,
      ifalias: alias,
    };
    return { kind: 'link', key: `link ${ifindex}`, fields };
  }

  private ofAddress({ ifindex, address, prefixLength, scope, flags }: InterfaceAddress): Entry {
    const state = ADDRESS_STATES.flatMap(([bit, name]) => ((flags & bit) === 0 ? [] : name)).join(',');
    const fields = {
      local: address,
      prefixlen: prefixLength,
      dev: this.nameOf(ifindex),
      scope,
      state: state === '' ? null : state,
    };
    return { kind: 'address', key: `address ${ifindex} ${address}/${prefixLength}`, fields };
  }

  private ofRoute({ family, destination, table, type, priority, nextHops }: Route): readonly Entry[] {
    if (table === TABLE_LOCAL) return [];
    const hops = nextHops.map(({ gateway, ifindex }) => {
      const dev = ifindex === null ? [] : [`dev ${this.nameOf(ifindex) ?? ''}`];
      return [...(gateway === null ? [] : [`via ${gateway}`]), ...dev].join(' ');
    });
    const fields = { family, destination, type, table, metric: priority, nexthops: hops.join(', ') };
    // Of IPv6 there may be several with the same destination, each with its own gateway.
    const indexes = nextHops.map(({ gateway, ifindex }) => `${gateway ?? ''}@${ifindex ?? ''}`);
    const key = ['route', family, table, destination, type, priority ?? 0, ...indexes].join(' ');
    return [{ kind: 'route', key, fields }];
  }
}
