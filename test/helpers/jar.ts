/** Reads files out of a jar (a zip) and finds jars in a directory. Enough for jars as build tools write them: no zip64, no encryption. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;

/** Path of `<name>-<version>.jar`; undefined where there is none. */
export function findJar(directory: string, name: string): string | undefined {
  const file = readdirSync(directory).find((entry) => entry.startsWith(`${name}-`) && /^\d[\d.]*\.jar$/.test(entry.slice(name.length + 1)));
  return file === undefined ? undefined : join(directory, file);
}

/** Contents by path of the files whose path passes `wanted`. */
export function readJar(path: string, wanted: (name: string) => boolean): Map<string, Buffer> {
  const zip = readFileSync(path);
  let end = zip.length - 22;
  while (end >= 0 && zip.readUInt32LE(end) !== END_OF_DIRECTORY) end--;
  if (end < 0) throw new Error(`${path} is no jar`);
  const files = new Map<string, Buffer>();
  let at = zip.readUInt32LE(end + 16);
  for (let i = zip.readUInt16LE(end + 10); i > 0; i--) {
    if (zip.readUInt32LE(at) !== DIRECTORY_ENTRY) throw new Error(`${path}: no directory entry at ${at}`);
    const compressed = zip.readUInt16LE(at + 10) === 8;
    const size = zip.readUInt32LE(at + 20);
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    if (wanted(name)) {
      const local = zip.readUInt32LE(at + 42);
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const data = zip.subarray(start, start + size);
      files.set(name, compressed ? inflateRawSync(data) : data);
    }
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return files;
}
