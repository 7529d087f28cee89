// From a word of the command line to the block device that the kernel limits: a whole disk, a loop device, one of the
// device mapper. Source: block/blk-throttle.c, which refuses partitions; inode(7).

import { majorOf, minorOf } from '../kernel/device-number.ts';
import { errorOfGap, NsError } from '../kernel/error.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { decodeText } from '../kernel/text/text.ts';
import { deviceName } from './io.ts';

export interface BlockDevice {
  /** As `8:0`. */
  readonly number: string;
  /** As `sda`. null: not told. */
  readonly name: string | null;
}

const S_IFMT = 0o170_000;
const S_IFBLK = 0o060_000;
const S_IFCHR = 0o020_000;

const LIST = 'the device itself: lsblk -p';

/** `word`: `8:0`, or a path. Errors: NO_FILE, DENIED; BAD_VALUE, where it is or lies on no block device. */
export function blockDevice(host: Host, word: string): BlockDevice {
  const isNumber = /^\d+:\d+$/.test(word);
  const number = isNumber ? word : numberOf(host, word);
  if (!host.readLink(`/sys/dev/block/${number}`).ok) {
    throw new NsError('BAD_VALUE', {
      what: `--io ${word}: ${isNumber ? 'no block device has this number' : 'it lies on no block device'}`,
      why: isNumber
        ? `there is no /sys/dev/block/${number}`
        : `its file system has the number ${number}: overlay, tmpfs, btrfs and network file systems have one of their own`,
      tryThis: LIST,
    });
  }
  const whole = wholeDisk(host, number);
  return { number: whole, name: deviceName(host, whole) };
}

function numberOf(host: Host, path: string): string {
  const status = host.stat(path);
  if (!status.ok) {
    if (status.gap.reason !== 'gone') throw errorOfGap(status.gap, `--io ${path}: cannot tell its device`);
    // As mount(8) and lsblk(8) name it.
    const isShort = !path.includes('/') && host.stat(`/dev/${path}`).ok;
    const tryThis = isShort ? `--io /dev/${path}:…` : LIST;
    throw new NsError('NO_FILE', { what: `--io ${path}: there is no such device`, why: `${path}: ENOENT`, tryThis });
  }
  const { dev, mode, rdev } = status.value;
  if ((mode & S_IFMT) === S_IFCHR) {
    const why = 'only disks, and what stands for one, are read and written in blocks';
    throw new NsError('BAD_VALUE', { what: `--io ${path}: a character device, no disk`, why, tryThis: LIST });
  }
  const number = (mode & S_IFMT) === S_IFBLK && rdev !== undefined ? rdev : dev;
  return `${majorOf(number)}:${minorOf(number)}`;
}

function wholeDisk(host: Host, number: string): string {
  const folder = `/sys/dev/block/${number}`;
  if (!host.readFile(`${folder}/partition`).ok) return number;
  // The link is followed before `..`: a partition's directory is in that of its disk.
  const whole = valueOf(host.readFile(`${folder}/../dev`));
  const text = whole === undefined ? '' : decodeText(whole).trim();
  return /^\d+:\d+$/.test(text) ? text : number;
}
