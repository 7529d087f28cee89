// Which settings of a network have to be told to build it again: those that a new one would not have by itself.

/** A setting of a device, or of all of them. */
const OF_DEVICE = /^(ipv4|ipv6|mpls)\/(conf|neigh)\/([^/]+)\/([^/]+)$/;

/** Replay changes these of each device for a while. */
const ALWAYS = new Set(['accept_dad']);

/** It is told in messages about links: what writes the file makes the kernel invent addresses. */
const BY_MESSAGE = /^ipv6\/conf\/[^/]+\/addr_gen_mode$/;

type Values = Readonly<Record<string, string>>;

/**
 * `fresh`: of a new network on the same machine. `names`: of the devices that count. A new device has what `default` says,
 * and some of what is written for `all` is written for each device, so both decide whether that of a device is needed.
 * conf/all and conf/default are kept whole: a new network has those of the machine that it is made on.
 */
export function ownSettings(values: Values, fresh: Values, names: ReadonlySet<string>): Values {
  const differs = (key: string): boolean => values[key] !== fresh[key];
  const isNeeded = (key: string, text: string): boolean => {
    const [, family, folder, device = '', leaf = ''] = OF_DEVICE.exec(key) ?? [];
    if (family === undefined) return differs(key);
    if (device === 'all' || device === 'default') return folder === 'conf' || differs(key);
    if (!names.has(device) || BY_MESSAGE.test(key)) return false;
    const of = (which: string): string => `${family}/${folder}/${which}/${leaf}`;
    const before = fresh[key] ?? fresh[of('default')];
    return ALWAYS.has(leaf) || text !== before || differs(of('all')) || differs(of('default'));
  };
  return Object.fromEntries(Object.entries(values).filter(([key, text]) => isNeeded(key, text)));
}

/** `all` before `default`, both before the devices: what is written later is not overwritten. */
export function settingOrder(key: string): number {
  const device = OF_DEVICE.exec(key)?.[3];
  if (device === undefined) return 0;
  return device === 'all' ? 1 : device === 'default' ? 2 : 3;
}
