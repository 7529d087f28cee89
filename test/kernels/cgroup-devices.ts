// Swap and a disk of the guest's own, both in its memory.

import { equal } from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { run } from '../support/program.ts';
import { withSetting } from './settings.ts';

function sure(...command: readonly string[]): string {
  const { status, stdout, stderr } = run(command);
  equal(status, 0, `${command.join(' ')}: ${stderr}`);
  return stdout.trim();
}

/** 256 MiB of compressed memory. */
export async function withSwap(act: () => Promise<void>): Promise<void> {
  // Nothing loads what it compresses with, before Linux 6.12.
  run(['modprobe', 'lzo-rle']);
  sure('modprobe', 'zram');
  sure('sh', '-c', 'echo 256M >/sys/block/zram0/disksize');
  sure('mkswap', '/dev/zram0');
  sure('swapon', '/dev/zram0');
  try {
    await withSetting('/proc/sys/vm/swappiness', '100', act);
  } finally {
    sure('swapoff', '/dev/zram0');
    sure('sh', '-c', 'echo 1 >/sys/block/zram0/reset');
  }
}

/** A loop device over a file in memory, of 32 MiB. */
export async function withDisk(act: (disk: string) => void | Promise<void>): Promise<void> {
  const file = '/dev/shm/nstool-test-disk';
  sure('modprobe', 'loop');
  sure('truncate', '--size=32M', file);
  const disk = sure('losetup', '--find', '--show', file);
  try {
    await act(disk);
  } finally {
    sure('losetup', '--detach', disk);
    rmSync(file);
  }
}
