// One guest in qemu, without KVM: from the first line of its console to the last.

import { spawn } from 'node:child_process';
import type { Guest } from './guests.ts';

const TIMEOUT = 1_800_000;
const MEMORY_MB = 1024;
/** A network card with a cable to nobody: it appears once its driver is loaded. */
const CARD = '-netdev hubport,id=nobody,hubid=1 -device virtio-net-pci,netdev=nobody,romfile=';
/** Read by systemd, where it is the first process. */
const SYSTEMD = 'systemd.show_status=0 systemd.mask=getty.target systemd.wants=run-tests.service';

export interface Boot {
  /** All that the guest wrote to its console. */
  readonly console: string;
  readonly seconds: number;
  /** Why the guest did not end by itself. */
  readonly ended: 'by itself' | 'too late' | 'qemu failed';
}

/** Ends with the guest; `signal` ends it early. */
export function boot(
  guest: Guest,
  files: { readonly image: string; readonly initramfs: string },
  signal: AbortSignal,
  listen: (text: string) => void,
): Promise<Boot> {
  const { qemu, qemuOptions, console: device } = guest.architecture;
  const command = `console=${device} loglevel=3 panic=-1 rdinit=/init ${SYSTEMD}`;
  const machine = `-accel tcg,thread=multi -smp 1 -m ${MEMORY_MB} -nodefaults -no-user-config -no-reboot`;
  const words = [
    ...qemuOptions,
    ...machine.split(' '),
    ...'-nographic -serial stdio'.split(' '),
    ...CARD.split(' '),
    '-kernel',
    files.image,
    '-initrd',
    files.initramfs,
    '-append',
    command,
  ];
  const start = performance.now();
  const child = spawn(qemu, words, { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, TIMEOUT);
  let console = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (data: string) => {
      const text = data.replaceAll('\r', '');
      console += text;
      listen(text);
    });
  }
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (status) => {
      clearTimeout(timer);
      const seconds = (performance.now() - start) / 1000;
      const ended = isLate ? 'too late' : status === 0 ? 'by itself' : 'qemu failed';
      done({ console, seconds, ended });
    });
  });
}
