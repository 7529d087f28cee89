// What can be asked about namespaces, each at a cost of its own.

/** A fact that costs reads. */
export type Fact =
  | 'ppid'
  | 'command'
  | 'uid'
  | 'user'
  | 'netnsid'
  | 'pns'
  | 'ons'
  | 'id'
  | 'name'
  | 'cgroup'
  | 'caps'
  | 'holders'
  | 'entered'
  | 'owner'
  | 'created'
  | 'hostname'
  | 'interfaces'
  | 'maps'
  | 'threads'
  | 'cpu'
  | 'rss'
  | 'sockets';
