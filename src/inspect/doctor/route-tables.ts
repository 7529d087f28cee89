// What a kernel would decide, by its rules and tables alone: for a recorded host, which nobody can ask any more, and to say
// which route it was that refused a packet. Source: ip-rule(8), net/core/fib_rules.c, net/ipv4/fib_trie.c.

import { isIn, prefixLengthOf } from '../../kernel/netlink/address-bytes.ts';
import type { RouteDecision } from '../../kernel/netlink/route-query.ts';
import type { Route } from '../../kernel/netlink/routes.ts';
import type { Rule } from '../../kernel/netlink/rules.ts';

export interface TableQuestion {
  readonly source: string | null;
  readonly destination: string;
  /** The name of the link that it comes by. null: it is made here. */
  readonly iif: string | null;
}

export interface TableMatch {
  readonly rule: Rule | null;
  readonly route: Route;
}

/** A packet that nobody marked, of no particular user or port: rules that ask for these are taken not to fit. */
export function matchTables(
  rules: readonly Rule[],
  routes: readonly Route[],
  question: TableQuestion,
): TableMatch | { readonly rule: Rule } | undefined {
  const family = question.destination.includes(':') ? 'inet6' : 'inet';
  const own = rules.filter((rule) => rule.family === family).toSorted((a, b) => a.priority - b.priority);
  // A kernel without rules has the tables local and main.
  if (own.length === 0) {
    const route = bestRoute(routes, 255, question) ?? bestRoute(routes, 254, question);
    return route === undefined ? undefined : { rule: null, route };
  }
  let from = -1;
  for (const rule of own) {
    if (rule.priority < from || fits(rule, question) === rule.inverted) continue;
    if (rule.action === 'goto') from = rule.target ?? from;
    if (['blackhole', 'unreachable', 'prohibit'].includes(rule.action)) return { rule };
    if (rule.table === null || rule.action !== 'lookup') continue;
    const route = bestRoute(routes, rule.table, question);
    if (route === undefined || route.type === 'throw') continue;
    const { suppressPrefixLength } = rule;
    if (suppressPrefixLength !== null && prefixLengthOf(route.destination) <= suppressPrefixLength) continue;
    return { rule, route };
  }
  return undefined;
}

function fits(rule: Rule, { source, destination, iif }: TableQuestion): boolean {
  const { tos, mark, oif, uids, ipProtocol, sourcePorts, destinationPorts, tunnel, others } = rule;
  const isSpecial = [tos, oif, ipProtocol, sourcePorts, destinationPorts, tunnel].some((one) => one !== null);
  if (isSpecial || others.length > 0 || uids !== null) return false;
  if (mark !== null && mark.value !== 0) return false;
  if (rule.iif !== null && rule.iif !== (iif ?? 'lo')) return false;
  if (rule.destination !== null && !isIn(rule.destination, destination)) return false;
  return rule.source === null || (source !== null && isIn(rule.source, source));
}

/** The longest prefix, then the least metric. */
function bestRoute(routes: readonly Route[], table: number, { destination }: TableQuestion): Route | undefined {
  const family = destination.includes(':') ? 'inet6' : 'inet';
  let best: Route | undefined;
  for (const route of routes) {
    if (route.table !== table || route.family !== family || !isIn(route.destination, destination)) continue;
    if (best === undefined || isBetter(route, best)) best = route;
  }
  return best;
}

function isBetter(a: Route, b: Route): boolean {
  const [longer, than] = [prefixLengthOf(a.destination), prefixLengthOf(b.destination)];
  return longer > than || (longer === than && (a.priority ?? 0) < (b.priority ?? 0));
}

const ERRNOS: Readonly<Record<string, string>> = {
  blackhole: 'EINVAL',
  unreachable: 'EHOSTUNREACH',
  prohibit: 'EACCES',
};

export function decideByTables(
  rules: readonly Rule[],
  routes: readonly Route[],
  question: TableQuestion,
): { readonly is: 'found'; readonly route: RouteDecision } | { readonly is: 'refused'; readonly errno: string } {
  const match = matchTables(rules, routes, question);
  if (match === undefined) return { is: 'refused', errno: 'ENETUNREACH' };
  if (!('route' in match)) return { is: 'refused', errno: ERRNOS[match.rule.action] ?? 'ENETUNREACH' };
  const { type, nextHops, source, table } = match.route;
  const errno = ERRNOS[type];
  if (errno !== undefined) return { is: 'refused', errno };
  const [hop] = nextHops;
  const decision = { type, oif: hop?.ifindex ?? null, gateway: hop?.gateway ?? null, source, table, mtu: null };
  return { is: 'found', route: decision };
}
