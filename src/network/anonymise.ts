// A snapshot whose public addresses, link addresses and names are others, the same everywhere: what was in one net still is,
// and what was equal still is.

import { formatAddress, parseAddress } from '../kernel/netlink/address-text.ts';
import {
  fromHex,
  joined,
  toHex,
  type FieldValue,
  type Form,
  type Layout,
  type MessageRecord,
  type Row,
} from '../kernel/netlink/layout.ts';
import { ADDRESS_LAYOUT, kindRows, NEIGHBOUR_LAYOUT, ROUTE_LAYOUT, RULE_LAYOUT } from '../kernel/netlink/layouts.ts';
import { decodeAttributes, encodeAttribute } from '../kernel/netlink/message.ts';
import { Anonyms } from './anonyms.ts';
import { anonymousNft } from './anonymise-nftables.ts';
import type { Missing, Snapshot, SnapshotLink, SnapshotNetwork } from './snapshot.ts';

/** What cannot be made anonymous stands in `missing`. */
export function anonymise(snapshot: Snapshot): Snapshot {
  const anonyms = new Anonyms();
  for (const network of snapshot.networks) learn(network, anonyms);
  const untouched: Missing[] = [];
  const networks = snapshot.networks.map((network, index) => {
    const nft = anonymousNft(network.nft, anonyms);
    for (const what of nft.untouched) untouched.push({ network: index, what, why: 'it is left as it is: --anonymise' });
    return { ...network, ...anonymousNetwork(network, index, anonyms), nft: nft.objects };
  });
  for (const [what, why] of anonyms.left()) untouched.push({ network: 0, what, why });
  const words = (text: string): string => anonyms.words(withoutNames(text, snapshot.networks));
  const missing = snapshot.missing.map(({ network, what, why }) => {
    return { network, what: words(what), why: words(why) };
  });
  return { ...snapshot, target: 'target', anonymised: true, networks, missing: [...missing, ...untouched] };
}

function nameAt(index: number): string {
  return index === 0 ? 'target' : `router${index}`;
}

/** What the networks are called, and the files of those that have a name. */
function withoutNames(text: string, networks: readonly SnapshotNetwork[]): string {
  return networks.reduce((changed, { name }, index) => {
    const file = /^netns:(.+)$/.exec(name)?.[1];
    const whole = name === '' ? changed : changed.replaceAll(name, nameAt(index));
    return file === undefined ? whole : whole.replaceAll(`/netns/${file}`, `/netns/${nameAt(index)}`);
  }, text);
}

/** Nets before the addresses in them. */
function learn({ routes, rules, addresses }: SnapshotNetwork, anonyms: Anonyms): void {
  const nets: (readonly [FieldValue | undefined, FieldValue | undefined])[] = [
    ...addresses.map(({ address, prefix_length: length }) => [address, length] as const),
    ...[...routes, ...rules].flatMap((each) => [
      [each['dst'], each['dst_length']] as const,
      [each['src'], each['src_length']] as const,
    ]),
  ];
  for (const [net, length] of nets) if (typeof net === 'string') anonyms.learnNet(net, Number(length));
}

function anonymousNetwork(network: SnapshotNetwork, index: number, anonyms: Anonyms): Partial<SnapshotNetwork> {
  const each = (layout: Layout, records: readonly MessageRecord[]): readonly MessageRecord[] =>
    records.map((record) => anonymousRecord(layout.rows, record, anonyms));
  return {
    name: nameAt(index),
    links: network.links.map((link) => anonymousLink(link, anonyms)),
    addresses: each(ADDRESS_LAYOUT, network.addresses),
    routes: each(ROUTE_LAYOUT, network.routes),
    rules: each(RULE_LAYOUT, network.rules),
    neighbours: each(NEIGHBOUR_LAYOUT, network.neighbours),
    files: Object.fromEntries(
      Object.entries(network.files).map(([name, text]) => {
        return [name, name === 'nsswitch.conf' ? text : anonyms.file(name, text)];
      }),
    ),
  };
}

function anonymousLink(link: SnapshotLink, anonyms: Anonyms): SnapshotLink {
  const { address, alias, altnames, data, kind } = link;
  return {
    ...link,
    address: address === null ? null : anonyms.mac(address),
    alias: alias === null ? null : anonyms.name('alias', alias),
    altnames: altnames.map((name) => anonyms.name('altname', name)),
    data: data === null ? null : anonymousRecord(kindRows(kind) ?? [], data, anonyms),
  };
}

function anonymousRecord(rows: readonly Row[], record: MessageRecord, anonyms: Anonyms): MessageRecord {
  const forms = new Map(rows.map(([key, , form]) => [key, form]));
  return Object.fromEntries(
    Object.entries(record).map(([key, field]) => {
      const isTunnel = key === 'encap' && typeof field === 'string';
      const changed = isTunnel
        ? anonymousTunnel(field, Number(record['encap_type']), anonyms)
        : anonymousField(forms.get(key), field, anonyms);
      return [key, changed];
    }),
  );
}

/** LWTUNNEL_ENCAP_MPLS, _IP, _IP6; LWTUNNEL_IP_DST and _SRC. */
const [MPLS, IP_TUNNEL, IP6_TUNNEL] = [1, 2, 4];
const [TUNNEL_DST, TUNNEL_SRC] = [2, 3];

/** What a route packs its packets into. */
function anonymousTunnel(encap: string, type: number, anonyms: Anonyms): string {
  if (type !== IP_TUNNEL && type !== IP6_TUNNEL) {
    if (type !== MPLS) anonyms.leave(`what routes pack packets into, of sort ${type}`);
    return encap;
  }
  const attributes = decodeAttributes(fromHex(encap) ?? new Uint8Array(), 'encap');
  if (!attributes.ok) return encap;
  const changed = attributes.value.map(({ type: at, body }) =>
    encodeAttribute(at, at === TUNNEL_DST || at === TUNNEL_SRC ? anonyms.address(body) : body),
  );
  return toHex(joined(changed));
}

function anonymousField(form: Form | undefined, field: FieldValue, anonyms: Anonyms): FieldValue {
  if (typeof field === 'string') {
    if (form === 'ip' || form === 'via') return addressOf(field, anonyms);
    return form === 'mac' ? anonyms.mac(field) : field;
  }
  if (typeof form !== 'object' || typeof field !== 'object') return field;
  if ('hops' in form && isList(field)) return field.map((hop) => anonymousRecord(form.hops, hop, anonyms));
  return 'rows' in form && !isList(field) ? anonymousRecord(form.rows, field, anonyms) : field;
}

function isList(field: MessageRecord | readonly MessageRecord[]): field is readonly MessageRecord[] {
  return Array.isArray(field);
}

function addressOf(text: string, anonyms: Anonyms): string {
  const bytes = parseAddress(text);
  return bytes === undefined ? text : formatAddress(anonyms.address(bytes));
}
