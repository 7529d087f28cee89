// What was set in a network namespace that is not ours alone, as the journal has it: sysctls, routes, and nftables.

import type { NftFamily } from './nftables/expression.ts';

/** The network namespace with the inode `network`, which `door` leads to (null: ours did). */
interface AtNetwork {
  readonly network: bigint;
  readonly door: string | null;
}

export interface Setting {
  /** `net.ipv4.ip_forward`, as sysctl(8) has it: in names of links a slash is a dot. */
  readonly key: string;
  readonly value: string;
}

/** It was made `value`, or found so: `previous` comes back if it still is, and nobody else needs it. */
export interface SysctlUndo extends AtNetwork, Setting {
  readonly op: 'sysctl';
  readonly previous: string;
  /** What the kernel changes along with it, now and when it comes back: what was said there before. */
  readonly along: readonly Setting[];
}

/** A table with all that is in it, if its comment still is `mark`. */
export interface NftTableUndo extends AtNetwork {
  readonly op: 'nft table';
  readonly family: NftFamily;
  readonly table: string;
  readonly mark: string;
}

/** Rules in somebody else's chain, known by their comment. */
export interface NftRulesUndo extends AtNetwork {
  readonly op: 'nft rules';
  readonly family: NftFamily;
  readonly table: string;
  readonly chain: string;
  readonly mark: string;
}

/** null: as the kernel has it; no gateway; no link; the main table. */
export interface PlannedRoute {
  /** `default`, or a net. */
  readonly destination: string;
  readonly gateway: string | null;
  readonly link: string | null;
  readonly metric: number | null;
  readonly table: number | null;
}

/** A route that was made. */
export interface RouteUndo extends AtNetwork, PlannedRoute {
  readonly op: 'route';
}

export type SettingUndo = SysctlUndo | RouteUndo | NftTableUndo | NftRulesUndo;

/** The file of a setting. Source: sysctl(8). */
export function settingPath(key: string): string {
  return `/proc/sys/${key.replaceAll(/[./]/g, (letter) => (letter === '.' ? '/' : '.'))}`;
}

/** `nstool0.1` in a key. */
export function keyWord(link: string): string {
  return link.replaceAll('.', '/');
}

export function isSameSetting(a: SysctlUndo, b: SysctlUndo): boolean {
  return a.key === b.key && a.network === b.network;
}

/** By the same way into its namespace. */
export function isSameRoute(a: RouteUndo, b: RouteUndo): boolean {
  const key = ({ destination, gateway, link, metric, table, door }: RouteUndo): string =>
    JSON.stringify([destination, gateway, link, metric, table, door]);
  return key(a) === key(b);
}

/** For people. */
export function settingText(undo: SettingUndo): string {
  if (undo.op === 'sysctl') return undo.key;
  if (undo.op === 'route') return `route to ${undo.destination}`;
  if (undo.op === 'nft table') return `table ${undo.family} ${undo.table}`;
  return `rules '${undo.mark}' of table ${undo.family} ${undo.table}, chain ${undo.chain}`;
}

type Fields = Readonly<Record<string, unknown>>;

/** From JSON. undefined: it is none. */
export function settingUndoOf(fields: Fields, at: AtNetwork): SettingUndo | undefined {
  const { op, family, table, chain, mark } = fields;
  if (op === 'sysctl') return sysctlUndoOf(fields, at);
  if (op === 'route') return routeUndoOf(fields, at);
  const known = (['inet', 'ip', 'ip6'] as const).find((each) => each === family);
  if (known === undefined || typeof table !== 'string' || typeof mark !== 'string') return undefined;
  if (op === 'nft table') return { op, family: known, table, mark, ...at };
  return op === 'nft rules' && typeof chain === 'string' ? { op, family: known, table, chain, mark, ...at } : undefined;
}

function sysctlUndoOf(fields: Fields, at: AtNetwork): SysctlUndo | undefined {
  const { previous, along } = fields;
  const setting = settingOf(fields);
  if (setting === undefined || typeof previous !== 'string' || !Array.isArray(along)) return undefined;
  const others = along.map(settingOf).filter((each) => each !== undefined);
  return others.length === along.length ? { op: 'sysctl', ...setting, previous, along: others, ...at } : undefined;
}

function routeUndoOf(fields: Fields, at: AtNetwork): RouteUndo | undefined {
  const { destination, gateway, link, metric, table } = fields;
  const isText = (json: unknown): json is string | null => json === null || typeof json === 'string';
  const isNumber = (json: unknown): json is number | null => json === null || typeof json === 'number';
  if (typeof destination !== 'string' || !isText(gateway) || !isText(link)) return undefined;
  if (!isNumber(metric) || !isNumber(table)) return undefined;
  return { op: 'route', destination, gateway, link, metric, table, ...at };
}

function settingOf(json: unknown): Setting | undefined {
  if (typeof json !== 'object' || json === null || !('key' in json) || !('value' in json)) return undefined;
  const { key, value } = json;
  return typeof key === 'string' && isNetworkKey(key) && typeof value === 'string' ? { key, value } : undefined;
}

/** Below /proc/sys/net, without a way out of it. */
function isNetworkKey(key: string): boolean {
  const path = settingPath(key);
  return /^\/proc\/sys\/net\/[\w./-]+$/.test(path) && !path.split('/').includes('..');
}
