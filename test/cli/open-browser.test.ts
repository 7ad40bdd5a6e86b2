import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBrowser, openerFor, writeRedirectPage } from '../../electron/cli/open-browser.ts';
import { until } from '../helpers/processes.ts';

const URL_WITH_TOKEN = 'http://127.0.0.1:7420/#token=s3cret-token';

let directory: string;
let path: string | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'open-browser-test-'));
  path = process.env['PATH'];
});
afterEach(() => {
  process.env['PATH'] = path;
  rmSync(directory, { recursive: true, force: true });
});

function modeOf(file: string): string {
  return (statSync(file).mode & 0o777).toString(8);
}

/** Installs an `xdg-open` that writes its arguments to a file. */
function installOpener(): string {
  const arguments_ = join(directory, 'arguments');
  writeFileSync(join(directory, 'xdg-open'), `#!/bin/sh\nprintf '%s\\n' "$@" > ${arguments_}.new\nmv ${arguments_}.new ${arguments_}\n`);
  chmodSync(join(directory, 'xdg-open'), 0o755);
  process.env['PATH'] = `${directory}${delimiter}${path ?? ''}`;
  return arguments_;
}

describe('openBrowser', () => {
  it('starts the opener with a page that only this user can read, without the token in its arguments', async () => {
    const seen = installOpener();
    expect(await openBrowser(URL_WITH_TOKEN, join(directory, 'run'), 'linux', { DISPLAY: ':1' })).toBe(true);
    await until('the opener runs', 20_000, () => existsSync(seen));
    const [argument = '', ...more] = readFileSync(seen, 'utf8').trim().split('\n');
    expect(more).toEqual([]);
    expect(argument).toMatch(/^file:\/\//);
    expect(argument).not.toContain('token');
    const page = fileURLToPath(argument);
    expect(readFileSync(page, 'utf8')).toContain(`content="0; url=${URL_WITH_TOKEN}"`);
    expect([modeOf(page), modeOf(join(page, '..')), modeOf(join(directory, 'run'))]).toEqual(['600', '700', '700']);
  });

  it('opens nothing without a display or an opener, and removes its page', async () => {
    process.env['PATH'] = directory;
    expect(await openBrowser(URL_WITH_TOKEN, join(directory, 'run'), 'linux', {})).toBe(false);
    expect(await openBrowser(URL_WITH_TOKEN, join(directory, 'run'), 'linux', { DISPLAY: ':1' })).toBe(false);
    expect(readdirSync(join(directory, 'run'))).toEqual([]);
  });

  it('opens nothing when the page cannot be written', async () => {
    const seen = installOpener();
    writeFileSync(join(directory, 'file'), '');
    expect(await openBrowser(URL_WITH_TOKEN, join(directory, 'file', 'run'), 'linux', { DISPLAY: ':1' })).toBe(false);
    expect(existsSync(seen)).toBe(false);
  });

  it('escapes the URL in the page, and removes the page idempotently', () => {
    const page = writeRedirectPage(directory, 'http://h/?a="><script>&b');
    expect(readFileSync(page.path, 'utf8')).toContain('url=http://h/?a=&quot;>&lt;script>&amp;b"');
    page.remove();
    page.remove();
    expect(existsSync(join(page.path, '..'))).toBe(false);
  });

  it.each([
    ['darwin', {}, ['open']],
    ['win32', {}, ['rundll32', 'url.dll,FileProtocolHandler']],
    ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, ['xdg-open']],
    ['linux', { DISPLAY: '' }, null],
  ] as const)('uses on %s with %j %j', (platform, env, opener) => {
    expect(openerFor(platform, env)).toEqual(opener);
  });
});
