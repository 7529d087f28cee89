// What stands for which public address, link address and name. Addresses come from the ranges for documentation and for
// benchmarks (RFC 5737, 3849, 2544), link addresses are locally administered.

import { formatAddress, parseAddress, parseLinkLayer } from '../kernel/netlink/address-text.ts';

const DOCUMENTATION = ['192.0.2.0', '198.51.100.0', '203.0.113.0'];
/** 198.18.0.0/15, in parts of 24 bits. */
const BENCHMARK = 198 * 256 + 18;
const BENCHMARK_NETS = 512;
/** A shorter one says of nobody where he is. */
const SHORTEST = 16;
const EUI64 = [0xff, 0xfe];

/** Names that everybody has. */
const COMMON_NAMES = new Set([
  'localhost',
  'localdomain',
  'localhost.localdomain',
  'local',
  'ip6-localhost',
  'ip6-loopback',
]);

export class Anonyms {
  /** By the first 24 bits, which is where each comes from; shorter nets are made of such parts. */
  private readonly ipv4 = new Map<string, readonly number[]>();
  private readonly ipv6 = new Map<string, number>();
  private readonly hosts6 = new Map<string, number>();
  private readonly macs = new Map<string, string>();
  private readonly names = new Map<string, string>();
  private readonly counts = new Map<string, number>();
  private readonly short = new Set<string>();
  /** Those of the ranges for documentation that stand for something, or were there before. */
  private readonly taken = new Set<string>();
  private used = 0;
  private isExhausted = false;
  private readonly untouched = new Set<string>();

  /** `what`: it may have addresses in it, and is not understood. */
  leave(what: string): void {
    this.untouched.add(what);
  }

  /** So that parts of one net stay in one. */
  learnNet(text: string, length: number): void {
    const bytes = parseAddress(text);
    if (bytes?.length === 4) this.taken.add(`${bytes.subarray(0, 3).join('.')}.0`);
    if (bytes?.length !== 4 || length === 0 || !isPublic(bytes) || length >= 24) return;
    if (length < SHORTEST) {
      this.short.add(`${text}/${length}`);
      return;
    }
    const count = 2 ** (24 - length);
    const start = Math.ceil(this.used / count) * count;
    const first = ((bytes[0] ?? 0) << 16) | ((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0);
    const from = first - (first % count);
    if (start + count > BENCHMARK_NETS) {
      this.isExhausted = true;
      return;
    }
    if (this.ipv4.has(keyOf(from))) return;
    for (let at = 0; at < count; at += 1) this.ipv4.set(keyOf(from + at), benchmarkNet(start + at));
    this.used = start + count;
  }

  /** Of IPv4, both in it: the net that both are in. */
  learnRange(first: Uint8Array, last: Uint8Array): void {
    let length = 0;
    while (length < 24 && bitAt(first, length) === bitAt(last, length)) length += 1;
    this.learnNet(formatAddress(first), length);
  }

  /** As address(), but who it is in an IPv6 net stays: what is more or less than another still is. */
  net(bytes: Uint8Array): Uint8Array {
    const other = this.address(bytes);
    return bytes.length === 16 ? Uint8Array.of(...other.subarray(0, 8), ...bytes.subarray(8)) : other;
  }

  /** Of 4 or 16 bytes; a net by its first address. */
  address(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 4) return isPublic(bytes) && !this.isShort(bytes) ? this.ipv4Of(bytes) : bytes;
    return bytes.length === 16 ? this.ipv6Of(bytes) : bytes;
  }

  private isShort(bytes: Uint8Array): boolean {
    return [...this.short].some((net) => net.startsWith(`${formatAddress(bytes)}/`));
  }

  private ipv4Of(bytes: Uint8Array): Uint8Array {
    const key = keyOf(((bytes[0] ?? 0) << 16) | ((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0));
    const net = this.ipv4.get(key) ?? this.newNet(key);
    return net === undefined ? bytes : Uint8Array.of(...net, bytes[3] ?? 0);
  }

  private newNet(key: string): readonly number[] | undefined {
    const named = DOCUMENTATION.find((net) => !this.taken.has(net));
    if (named !== undefined) this.taken.add(named);
    if (named === undefined && this.used >= BENCHMARK_NETS) {
      this.isExhausted = true;
      return undefined;
    }
    const net = named === undefined ? benchmarkNet(this.used) : named.split('.').slice(0, 3).map(Number);
    if (named === undefined) this.used += 1;
    this.ipv4.set(key, net);
    return net;
  }

  private ipv6Of(bytes: Uint8Array): Uint8Array {
    const isGlobal = ((bytes[0] ?? 0) & 0xe0) === 0x20 && !isDocumentation6(bytes);
    const isLinkLocal = bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
    if (!isGlobal && !isLinkLocal) return bytes;
    const changed = Uint8Array.from(bytes);
    if (isGlobal) {
      const site = formatAddress(Uint8Array.of(...bytes.subarray(0, 6), ...new Uint8Array(10)));
      const number = this.ipv6.get(site) ?? this.count('site');
      this.ipv6.set(site, number);
      changed.set([0x20, 0x01, 0x0d, 0xb8, number >> 8, number & 0xff]);
    }
    changed.set(this.interfaceId(bytes.subarray(8)), 8);
    return changed;
  }

  /** It may be made of a link address, or drawn at random; a small number says nothing. */
  private interfaceId(id: Uint8Array): Uint8Array {
    if (id.subarray(0, 6).every((byte) => byte === 0)) return id;
    if (id[3] === EUI64[0] && id[4] === EUI64[1]) {
      const mac = [(id[0] ?? 0) ^ 2, id[1] ?? 0, id[2] ?? 0, id[5] ?? 0, id[6] ?? 0, id[7] ?? 0];
      const other = parseLinkLayer(this.mac(mac.map((byte) => byte.toString(16).padStart(2, '0')).join(':'))) ?? id;
      return Uint8Array.of((other[0] ?? 0) ^ 2, other[1] ?? 0, other[2] ?? 0, 0xff, 0xfe, ...other.subarray(3, 6));
    }
    const key = id.join('.');
    const number = this.hosts6.get(key) ?? 0xa000 + this.count('host');
    this.hosts6.set(key, number);
    return Uint8Array.of(0, 0, 0, 0, 0, 1, number >> 8, number & 0xff);
  }

  /** Of one machine: not those for many, and none at all. */
  mac(text: string): string {
    const bytes = parseLinkLayer(text);
    if (bytes?.length !== 6 || bytes.every((byte) => byte === 0) || ((bytes[0] ?? 0) & 1) !== 0) return text;
    const known = this.macs.get(text);
    if (known !== undefined) return known;
    const number = this.count('mac');
    const made = `02:00:00:${[16, 8, 0].map((shift) => ((number >> shift) & 0xff).toString(16).padStart(2, '0')).join(':')}`;
    this.macs.set(text, made);
    return made;
  }

  /** `sort`: what it is called then, with a number. */
  name(sort: string, text: string): string {
    const known = this.names.get(`${sort} ${text}`);
    if (known !== undefined) return known;
    const made = `${sort}${this.count(sort)}`;
    this.names.set(`${sort} ${text}`, made);
    return made;
  }

  /** resolv.conf and hosts: addresses and names; comments are left out. */
  file(name: string, text: string): string {
    const lines = text.split('\n').map((line) => {
      const words = line.replace(/[#;].*$/, '').split(/(\s+)/);
      const isOption = name === 'resolv.conf' && !/^\s*(?:nameserver|search|domain|sortlist)\b/.test(line);
      return isOption
        ? words.join('')
        : words.map((word, at) => this.word(word, name === 'resolv.conf' && at === 0)).join('');
    });
    return lines.join('\n');
  }

  private word(word: string, isKeyword: boolean): string {
    if (isKeyword || word.trim() === '' || COMMON_NAMES.has(word) || word.startsWith('ip6-')) return word;
    const bytes = parseAddress(word);
    if (bytes !== undefined) return formatAddress(this.address(bytes));
    return word.includes('.') ? `${this.name('name', word)}.example` : this.name('name', word);
  }

  /** Addresses that stand in a sentence. */
  words(text: string): string {
    return text.replaceAll(/\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]+/gi, (word) => {
      const bytes = parseAddress(word);
      return bytes === undefined ? this.mac(word) : formatAddress(this.address(bytes));
    });
  }

  /** What could not be had. */
  left(): readonly (readonly [string, string])[] {
    return [
      ...[...this.short].map(
        (net) => [`the net ${net}`, 'it is left as it is: there is no range for so large a net'] as const,
      ),
      ...(this.isExhausted
        ? [
            [
              'some public addresses',
              'they are left as they are: there are more than the ranges for documentation hold',
            ] as const,
          ]
        : []),
      ...[...this.untouched].map((what) => [what, 'it is left as it is'] as const),
      ['names of links, and of tables, chains and sets of nftables', 'they are left as they are: rules speak of them'],
      ['numbers: ports, marks, tables, settings', 'they are left as they are'],
    ];
  }

  private count(sort: string): number {
    const number = (this.counts.get(sort) ?? 0) + 1;
    this.counts.set(sort, number);
    return number;
  }
}

function bitAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1;
}

function keyOf(first24: number): string {
  return String(first24);
}

function benchmarkNet(at: number): readonly number[] {
  const first = BENCHMARK * 256 + at;
  return [first >> 16, (first >> 8) & 0xff, first & 0xff];
}

/** No range of special use. Source: RFC 6890. */
function isPublic(bytes: Uint8Array): boolean {
  const [a = 0, b = 0, c = 0] = bytes;
  if (a === 0 || a === 10 || a === 127 || a >= 224) return false;
  if (a === 100 && b >= 64 && b < 128) return false;
  if (a === 169 && b === 254) return false;
  if (a === 172 && b >= 16 && b < 32) return false;
  if (a === 192 && (b === 168 || (b === 0 && (c === 0 || c === 2)))) return false;
  if (a === 198 && (b === 18 || b === 19 || (b === 51 && c === 100))) return false;
  return !(a === 203 && b === 0 && c === 113);
}

function isDocumentation6(bytes: Uint8Array): boolean {
  return bytes[0] === 0x20 && bytes[1] === 0x01 && bytes[2] === 0x0d && bytes[3] === 0xb8;
}
