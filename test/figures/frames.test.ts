/**
 * The Lab at work, with motion: 5 brokers, 100 partitions, 10,000 records a second from a client of its own. Frames are
 * measured as they are seen, and what the page itself does for each, in processor time. Brokers, client and browser share
 * this machine's processors and nothing draws but the processor, so that both say as much of the machine, and of who else is
 * on it, as of the page: measured again while the bar is not met, the best counts; what is asserted is an order of magnitude,
 * and the page's work as a multiple of a reference's in the same browser, beside the same brokers and clients.
 * On two cores that were ours alone: 16.8 ms from frame to frame (p95) and 8 ms of work for one; with dots that SVG moves itself, 33 and 17.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { Desk, SOON_MS } from '../e2e/desk.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { measureFrames, type FrameFigures, type Quantiles } from '../helpers/frames.ts';
import { describeWith, onPath } from '../helpers/tools.ts';

const TOPICS = ['orders', 'payments', 'clicks', 'views'];
const PARTITIONS = 25;
const RECORDS_A_SECOND = 10_000;
const EVERY_MS = 50;
const MEASURED_MS = 10_000;
const ATTEMPTS = 3;
const REFERENCE_MS = 5_000;
/** A dot that moves, and a fixed amount of work for each frame: some 3 ms of one of two cores. */
const REFERENCE_PAGE = `<!doctype html><div id="dot" style="position:absolute;width:8px;height:8px;background:#78f"></div><script>
  let sum = 0;
  const frame = (now) => {
    for (let i = 0; i < 400000; i++) sum += i % 7;
    dot.style.transform = 'translateX(' + (now / 10) % 400 + 'px)';
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
</script>`;
/** The bar, p95 from frame to frame: two frames of sixty a second. */
const SMOOTH_MS = 32;
/** The page's own work for a frame, as a multiple of the reference's: it was 3 on a good day and on a bad one. */
const MOST_WORK = 7;
const VALUE = 'x'.repeat(100);

describeWith('a browser and kcat', hasBrowser && onPath('kcat'), 'frames', () => {
  let desk: Desk;
  const writers: ChildProcess[] = [];
  let timer: NodeJS.Timeout | undefined;

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('frames', { brokers: 5, motion: true });
    const admin = new Kafka({ brokers: desk.web.brokers, logLevel: logLevel.NOTHING, retry: { retries: 30 } }).admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: TOPICS.map((topic) => ({ topic, numPartitions: PARTITIONS, replicationFactor: 3 })),
    });
    await admin.disconnect();
    for (const topic of TOPICS) {
      // No key, and a new partition every few milliseconds: every partition is written to.
      const more = ['-X', 'acks=all', '-X', 'linger.ms=5', '-X', 'sticky.partitioning.linger.ms=10'];
      writers.push(spawn('kcat', ['-b', desk.web.line.bootstrap, '-P', '-t', topic, ...more], { stdio: ['pipe', 'ignore', 'ignore'] }));
    }
    const each = `${VALUE}\n`.repeat(Math.round((RECORDS_A_SECOND * EVERY_MS) / 1_000 / TOPICS.length));
    timer = setInterval(() => {
      for (const { stdin } of writers) if (stdin !== null && !stdin.writableNeedDrain) stdin.write(each);
    }, EVERY_MS);
  });

  afterAll(async () => {
    clearInterval(timer);
    for (const writer of writers) writer.stdin?.end();
    for (const writer of writers) writer.kill('SIGKILL');
    await desk.close();
  });

  test('the Lab keeps up with 5 brokers, 100 partitions and 10,000 records a second', async () => {
    const { page } = desk;
    const browser = page.context().browser() ?? expect.unreachable('no browser');
    await page.goto('about:blank');
    await page.setContent(REFERENCE_PAGE);
    const reference = await measureFrames(browser, page, REFERENCE_MS);
    await desk.load('/lab');
    // Measured by the page itself, from the brokers' offsets.
    const rate = async (): Promise<number> => Number((await page.locator('.clients .rate').textContent())?.replaceAll(/\D/g, '') ?? 0);
    await expect.poll(rate, { timeout: 2 * SOON_MS }).toBeGreaterThan(RECORDS_A_SECOND * 0.8);
    await expect.poll(() => page.locator('svg .dot').count(), { timeout: SOON_MS }).toBeGreaterThan(10);
    const text = ({ p50, p95, p99 }: Quantiles): string => `p50 ${p50.toFixed(1)}, p95 ${p95.toFixed(1)}, p99 ${p99.toFixed(1)} ms`;
    const report = (figures: FrameFigures, written: readonly number[]): void => {
      const shares = figures.shares.slice(0, 8).map(([name, share]) => `${name} ${share.toFixed(1)} %`);
      console.info(
        `${figures.frames} frames in ${MEASURED_MS / 1_000} s at ${written.join(' to ')} records/s: ${text(figures.gaps)}; the page's own ` +
          `work for a frame ${text(figures.work)}, ${figures.share.toFixed(1)} % of a processor (${shares.join(', ')}); ${figures.longTasks} tasks above 50 ms`,
      );
    };
    let best: FrameFigures | undefined;
    for (let attempt = 0; attempt < ATTEMPTS && (best?.gaps.p95 ?? Infinity) >= SMOOTH_MS; attempt++) {
      const written = [await rate()];
      const figures = await measureFrames(browser, page, MEASURED_MS, async () => void written.push(await rate()));
      report(figures, written);
      if (best === undefined || figures.gaps.p95 < best.gaps.p95) best = figures;
    }
    if (best === undefined) throw new Error('nothing was measured');
    const { gaps, work, frames } = best;
    console.info(
      `a page that does next to nothing: ${text(reference.gaps)}; its work for a frame ${text(reference.work)}\n` +
        `the bar of ${SMOOTH_MS} ms (p95) was ${gaps.p95 < SMOOTH_MS ? 'met' : 'not met on this machine now'}`,
    );
    await desk.picture('lab', ['dark']);
    expect(frames).toBeGreaterThan((MEASURED_MS / 1_000) * 6);
    expect(gaps.p95).toBeLessThan(SMOOTH_MS * 10);
    expect(work.p50 / reference.work.p50).toBeLessThan(MOST_WORK);
  });
});
