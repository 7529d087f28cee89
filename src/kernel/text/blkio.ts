// The files of cgroup v1's blkio that have a line a device. Source: Documentation/admin-guide/cgroup-v1/blkio-controller.rst.

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseUnsigned64 } from './text.ts';

/** `8:0`: number; of blkio.throttle.read_bps_device and its kin, where only devices with a limit are listed. */
export function parseDeviceNumbers(bytes: Uint8Array, file: string): Reading<ReadonlyMap<string, bigint>> {
  const numbers = new Map<string, bigint>();
  for (const [index, line] of decodeText(bytes).split('\n').entries()) {
    if (line === '') continue;
    const [, device, word] = /^(\d+:\d+) (\d+)$/.exec(line) ?? [];
    const number = parseUnsigned64(word);
    if (device === undefined || number === undefined) return malformed(file, index + 1, line);
    numbers.set(device, number);
  }
  return value(numbers);
}

/** By device, then by `Read`, `Write`, `Discard`; of blkio.throttle.io_service_bytes and its kin. */
export type DeviceOperations = ReadonlyMap<string, ReadonlyMap<string, bigint>>;

/** `8:0 Read 4096` a line, and sums (`Sync`, `Total`), the last of which has no device. */
export function parseDeviceOperations(bytes: Uint8Array, file: string): Reading<DeviceOperations> {
  const devices = new Map<string, Map<string, bigint>>();
  for (const [index, line] of decodeText(bytes).split('\n').entries()) {
    if (line === '' || /^Total \d+$/.test(line)) continue;
    const [, device, operation, word] = /^(\d+:\d+) ([A-Z][a-z]+) (\d+)$/.exec(line) ?? [];
    const number = parseUnsigned64(word);
    if (device === undefined || operation === undefined || number === undefined)
      return malformed(file, index + 1, line);
    const operations = devices.get(device) ?? new Map<string, bigint>();
    devices.set(device, operations.set(operation, number));
  }
  return value(devices);
}
