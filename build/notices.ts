/**
 * Collects third-party notices for a package: every npm package that the app imports directly or indirectly, with its licence text.
 * Packages that only build or test the app are not included.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire, builtinModules } from 'node:module';
import { dirname, join } from 'node:path';

export interface Notice {
  name: string;
  version: string;
  license: string;
  /** Licence and notice files of the package; empty without one. */
  texts: string[];
}

interface Manifest {
  name?: string;
  version?: string;
  license?: string | { type?: string };
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const SHIPPED = ['electron', 'renderer', 'shared'];
/** Electron's licences are beside its binary, in every package of the app. */
const ELECTRON = 'electron';
const LICENCE_FILE = /^(licen[cs]e|notice|copying)(\.|-|$)/i;

/** Names of the packages that the app's sources import, and of those that package.json includes in every package. */
export function shippedPackages(root: string): string[] {
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const found = new Set(Object.keys(dependencies));
  for (const directory of SHIPPED) {
    for (const entry of readdirSync(join(root, directory), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.(ts|vue|css|html)$/.test(entry.name)) continue;
      const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
      for (const [, specifier = ''] of text.matchAll(/(?:\bfrom|\bimport\(?|@import|\burl\()\s*['"]([^'"]+)['"]/g)) {
        const name = packageOf(specifier);
        if (name !== undefined && name !== ELECTRON) found.add(name);
      }
    }
  }
  return [...found].sort();
}

/** Undefined for a file, a module of Node.js, or an alias of this project. */
function packageOf(specifier: string): string | undefined {
  if (/^[./#]|^(node|virtual|data|https?):/.test(specifier)) return undefined;
  const [first = '', second = ''] = specifier.split('/');
  const name = first.startsWith('@') ? `${first}/${second}` : first;
  return builtinModules.includes(name) || !/^(@[a-z0-9~][\w.-]*\/)?[a-z0-9~][\w.-]*$/i.test(name) ? undefined : name;
}

/** The notices of these packages and of their dependencies, by name. Throws for a package that is not installed. */
export function collectNotices(root: string, names: readonly string[]): Notice[] {
  const notices = new Map<string, Notice>();
  const waiting = names.map((name) => ({ name, from: root, isOptional: false }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const directory = findPackage(next.name, next.from);
    if (directory === undefined) {
      // A package for another platform, or an optional one.
      if (next.isOptional) continue;
      throw new Error(`${next.name} is needed by ${next.from} and is not installed: run "npm ci"`);
    }
    const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
    const key = `${next.name}@${manifest.version ?? ''}`;
    if (notices.has(key)) continue;
    notices.set(key, noticeOf(next.name, directory, manifest));
    const add = (more: Record<string, string> | undefined, isOptional: boolean): void => {
      for (const name of Object.keys(more ?? {})) if (name !== ELECTRON) waiting.push({ name, from: directory, isOptional });
    };
    add(manifest.dependencies, Object.keys(manifest.optionalDependencies ?? {}).length > 0);
    add(manifest.optionalDependencies, true);
  }
  return [...notices.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Resolves a package as Node.js does: in the nearest node_modules directory upwards. */
function findPackage(name: string, from: string): string | undefined {
  for (const directory of createRequire(join(from, 'package.json')).resolve.paths(name) ?? []) {
    const path = join(directory, name);
    if (existsSync(join(path, 'package.json'))) return path;
  }
  return undefined;
}

function noticeOf(name: string, directory: string, { version, license }: Manifest): Notice {
  const files = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile() && LICENCE_FILE.test(entry.name));
  return {
    name,
    version: version ?? '',
    license: (typeof license === 'string' ? license : license?.type) ?? 'see the text below',
    texts: files.map((entry) => readFileSync(join(directory, entry.name), 'utf8').trim()),
  };
}

/** Plain text with one section per package. Throws for a package without a licence name and text. */
export function formatNotices(notices: readonly Notice[]): string {
  const line = '-'.repeat(80);
  const sections = notices.map(({ name, version, license, texts }) => {
    if (texts.length === 0 && license === 'see the text below')
      throw new Error(`${name} ${version} states no licence, so it cannot be shipped`);
    return [line, `${name} ${version} (${license})`, ...texts.flatMap((text) => ['', text]), ''].join('\n');
  });
  const head =
    'Brokerdesk contains the software of third parties that is listed here, each under its own licence.\n' +
    'The licences of Electron and Chromium are in LICENSE.electron.txt and LICENSES.chromium.html beside the program.\n';
  return `${head}\n${sections.join('\n')}`;
}

export function writeNotices(root: string, file: string): void {
  writeFileSync(file, formatNotices(collectNotices(root, shippedPackages(root))));
}

export const NOTICES_FILE = join(dirname(import.meta.dirname), 'out', 'NOTICES.txt');
