/**
 * Screenshots of the built gallery: `node test/renderer/gallery/shoot.ts OUTDIR [filter]`. Serves out/gallery on loopback itself.
 */
import { mkdirSync, readFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, resolve } from 'node:path';
import sparticuz from '@sparticuz/chromium';
import { chromium, type Page } from 'playwright-core';
import { SHOTS } from './shots.ts';

const [outDir = 'artifacts/gallery', filter = ''] = process.argv.slice(2);
const root = resolve('out/gallery');
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.woff2': 'font/woff2' };

const server = createServer((request, response) => {
  const path = join(root, new URL(request.url ?? '/', 'http://x').pathname.replace(/\/$/, '/index.html'));
  if (!path.startsWith(root) || !existsSync(path)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
    // The product's policy, so that a breach is seen here first.
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; connect-src 'self'",
  });
  response.end(readFileSync(path));
});
await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
const address = server.address();
const port = typeof address === 'object' && address !== null ? address.port : 0;

const browser = await chromium.launch({
  executablePath: await sparticuz.executablePath(),
  // Not sparticuz.args: its single process dies with the first context that closes.
  args: ['--no-sandbox', '--disable-gpu'],
  headless: true,
});
mkdirSync(outDir, { recursive: true });
try {
  for (const shot of SHOTS.filter((one) => one.name.includes(filter))) {
    const context = await browser.newContext({
      viewport: { width: shot.width ?? 1440, height: shot.height ?? 900 },
      reducedMotion: 'reduce',
    });
    await context.addInitScript((theme: string) => {
      if (location.protocol !== 'http:') return;
      localStorage.setItem('brokerdesk.theme', theme);
      localStorage.setItem('brokerdesk.tour', 'skipped');
    }, shot.theme);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`http://127.0.0.1:${port}/?variant=${shot.variant}#${shot.path}`);
    await settle(page).catch((error: unknown) => complaints.push(`never settled: ${String(error).slice(0, 60)}`));
    await shot.act?.(page);
    await page.waitForTimeout(shot.waitMs ?? 400);
    await page.screenshot({ path: `${outDir}/${shot.name}.png` });
    console.log(shot.name, complaints.length === 0 ? '' : complaints.slice(0, 5));
    await context.close();
  }
} finally {
  await browser.close();
  server.close();
}

async function settle(page: Page): Promise<void> {
  await page.waitForSelector('h1', { timeout: 8_000 });
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
  await page.waitForTimeout(900);
}
