// A name server for tests, in the network namespace of a process: it knows one name.

import { startReady, type Started } from './odd-process.ts';

export const NAME = 'inside.nstool.test';
export const ADDRESS = '192.0.2.77';

const script = `
  const server = require('node:dgram').createSocket('udp4');
  server.on('message', (query, from) => {
    let end = 12;
    const labels = [];
    for (; query[end] !== 0; end += 1 + query[end]) labels.push(query.toString('latin1', end + 1, end + 1 + query[end]));
    end += 5;
    const known = labels.join('.').toLowerCase() === '${NAME}';
    const isAddress = query.readUInt16BE(end - 4) === 1;
    const answers = known && isAddress ? 1 : 0;
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(known ? 0x8580 : 0x8583, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers, 6);
    header.writeUInt32BE(0, 8);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ${ADDRESS.replaceAll('.', ', ')}]);
    server.send(Buffer.concat([header, query.subarray(12, end), answers ? answer : Buffer.alloc(0)]), from.port, from.address);
  });
  server.bind(53, process.argv[1], () => console.log('ready'));`;

export function startNameServer(pid: number, address: string): Promise<Started> {
  return startReady(['nsenter', '-t', String(pid), '-n', process.execPath, '-e', script, address]);
}
