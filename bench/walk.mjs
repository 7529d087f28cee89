// Prints how many milliseconds the walk itself takes, in a process as fresh as that of `nstool ls`.

import { linuxHost } from '../dist/host/linux/linux-host.js';
import { namespaceKinds } from '../dist/kernel/abi/namespace-kinds.js';
import { discoverNamespaces } from '../dist/namespaces/discover/discover.js';

const kinds = new Set(namespaceKinds.map((entry) => entry.kind));
const before = performance.now();
discoverNamespaces(linuxHost(), kinds);
console.log(performance.now() - before);
