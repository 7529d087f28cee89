// A namespace as `ls` and `watch` have it, for tests without a machine.

import type { NamespaceRow } from '../../src/namespaces/rows.ts';

/** What nobody asked for is null. */
export const namespaceRow: NamespaceRow = {
  ns: 4026532177n,
  type: 'net',
  path: null,
  nprocs: 1,
  pid: 4913,
  ppid: 1,
  command: 'sleep 1000',
  uid: 33,
  user: 'www-data',
  netnsid: null,
  nsfs: [],
  pns: null,
  ons: null,
  id: null,
  name: null,
  cgroup: null,
  capabilities: null,
  holders: [],
  entered: [],
  owner: null,
  created: null,
  hostname: null,
  interfaces: null,
  maps: null,
  pids: [4913],
  threads: null,
  cpu: null,
  rss: null,
  sockets: null,
};
