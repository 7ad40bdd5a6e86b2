/** Renders `icon.svg` in the sizes of the installers. Run it after a change of the drawing; the pictures are committed. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import chromium from '@sparticuz/chromium';
import { chromium as playwright } from 'playwright-core';

const SIZES = [16, 24, 32, 48, 64, 128, 256, 512, 1024];
const svg = readFileSync(join(import.meta.dirname, 'icon.svg'), 'utf8');
const debian = '/usr/bin/chromium';

const browser = await playwright.launch({
  executablePath: existsSync(debian) ? debian : await chromium.executablePath(),
  args: ['--no-sandbox', '--disable-gpu'],
});
const page = await browser.newPage();
for (const size of SIZES) {
  await page.setViewportSize({ width: size, height: size });
  await page.setContent(`<style>*{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`);
  await page.screenshot({ path: join(import.meta.dirname, `${size}x${size}.png`), omitBackground: true });
}
await browser.close();
