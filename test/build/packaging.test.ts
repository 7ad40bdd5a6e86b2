import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { NOTICES_FILE } from '../../build/notices.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);

interface BuilderConfig {
  files: string[];
  electronFuses: Record<string, boolean>;
  [key: string]: unknown;
}

const { validateConfiguration } = require('app-builder-lib/out/util/config/config.js') as {
  validateConfiguration: (config: unknown, debugLogger: unknown) => Promise<void>;
};
const { DebugLogger } = require('builder-util') as { DebugLogger: new (enabled: boolean) => unknown };
const { load } = require('js-yaml') as { load: (text: string) => unknown };

function readConfig(): BuilderConfig {
  return load(readFileSync(join(ROOT, 'electron-builder.yml'), 'utf8')) as BuilderConfig;
}

describe('electron-builder.yml', () => {
  test('is what electron-builder understands', async () => {
    await expect(validateConfiguration(readConfig(), new DebugLogger(false))).resolves.toBeUndefined();
  });

  test('a word it does not know is noticed', async () => {
    const wrong = { ...readConfig(), linux: { tarket: ['deb'] } };
    await expect(validateConfiguration(wrong, new DebugLogger(false))).rejects.toThrow(/configuration\.linux/);
  });

  test('packs what was built and nothing of the sources', () => {
    const { files } = readConfig();
    for (const pattern of files) expect(pattern).toMatch(/^(out\/(main|preload|renderer)\/\*\*|package\.json|!\*\*\/\*\.map)$/);
  });

  test('packs the licence and the notices of third parties', () => {
    expect(readConfig()['extraResources']).toEqual([
      { from: relative(ROOT, NOTICES_FILE), to: 'NOTICES.txt' },
      { from: 'LICENSE', to: 'LICENSE.txt' },
    ]);
  });

  test('the executable is no Node, takes no debugger and runs its own archive only', () => {
    expect(readConfig().electronFuses).toMatchObject({
      runAsNode: false,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
    });
  });

  test('the icons are there in the size that their name says', () => {
    for (const size of [16, 32, 48, 64, 128, 256, 512, 1024]) {
      const png = readFileSync(join(ROOT, 'build', 'icons', `${size}x${size}.png`));
      expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([size, size]);
    }
  });
});
