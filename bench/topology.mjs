// Prints how many milliseconds the look of `nstool net show` takes, in a process as fresh as that: namespaces are found, their
// links read, the ends matched.

import { linuxHost } from '../dist/host/linux/linux-host.js';
import { readTopology } from '../dist/network/topology.js';

const before = performance.now();
readTopology(linuxHost());
console.log(performance.now() - before);
