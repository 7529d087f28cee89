// A namespace that many processes are in is asked once, whichever of them is the way to it. It saves a recording thousands
// of questions, and counters of links, which change all the time, from being in it a thousand times.

import {
  valueOf,
  type Host,
  type InsideQuery,
  type LegacyTableQuery,
  type MessageQueueFile,
  type NamespaceDoor,
  type NamespaceQuestion,
  type NetlinkRequest,
  type NetworkSettings,
  type Reading,
} from '../../kernel/host.ts';
import { questions } from './archive.ts';

/** The same answers, as of the first time that a namespace was asked. */
export function sharedDoors(host: Host): Host {
  const firsts = new Map<string, string>();
  const first = (door: NamespaceDoor): NamespaceDoor => {
    if (typeof door !== 'string' || !/^\/proc\/[0-9]+\/ns\/[a-z]+$/.test(door)) return door;
    // Who may not open the file may not read the link either: one check of the kernel decides on both.
    const text = valueOf(host.readLink(door));
    if (text === undefined) return door;
    const known = firsts.get(text);
    if (known === undefined) firsts.set(text, door);
    return known ?? door;
  };
  /** For one question of the port. */
  const sharing = <T, Query>(questionOf: (door: NamespaceDoor, query: Query) => string) => {
    const known = new Map<string, Reading<T>>();
    return (door: NamespaceDoor, query: Query, ask: (door: NamespaceDoor) => Reading<T>): Reading<T> => {
      const at = first(door);
      const question = questionOf(at, query);
      const reading = known.get(question) ?? ask(at);
      // The process that was the way to it may have ended: the next one is asked itself.
      if (reading.ok) known.set(question, reading);
      return reading.ok || at === door ? reading : ask(door);
    };
  };
  const numbers = sharing<bigint, readonly NamespaceQuestion[]>(questions.namespace);
  const replies = sharing<readonly Uint8Array[], NetlinkRequest>((namespace, request) =>
    questions.netlink({ ...request, namespace }),
  );
  const files = sharing<Uint8Array, InsideQuery>((door, query) => questions.fileInside({ ...query, door }));
  const legacyTables = sharing<Uint8Array, LegacyTableQuery>((namespace, query) =>
    questions.legacyTable({ ...query, namespace }),
  );
  const queues = sharing<readonly MessageQueueFile[], undefined>(questions.messageQueues);
  const settings = sharing<NetworkSettings, undefined>(questions.networkSettings);
  return {
    ...host,
    networkSettings: (of) =>
      of === null ? host.networkSettings(null) : settings(of, undefined, (at) => host.networkSettings(at)),
    askNamespace: (door, asked) => numbers(door, asked, (at) => host.askNamespace(at, asked)),
    netlink: (request) =>
      request.namespace === undefined
        ? host.netlink(request)
        : replies(request.namespace, request, (namespace) => host.netlink({ ...request, namespace })),
    legacyTable: (query) =>
      query.namespace === undefined
        ? host.legacyTable(query)
        : legacyTables(query.namespace, query, (namespace) => host.legacyTable({ ...query, namespace })),
    readFileInside: (query) => files(query.door, query, (door) => host.readFileInside({ ...query, door })),
    messageQueues: (door) =>
      door === undefined ? host.messageQueues() : queues(door, undefined, (at) => host.messageQueues(at)),
  };
}
