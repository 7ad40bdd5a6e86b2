/**
 * The Lab at work, with motion: 5 brokers, 100 partitions, 10,000 records a second from a client of its own. Frames are
 * measured as they are seen, and what the page itself does for each, in processor time: brokers, client and browser share
 * this machine's processors and nothing draws but the processor, so that the first says as much of the machine as of the page.
 * On two cores: 16.8 ms from frame to frame (p95) and 8 ms of work for one; with dots that SVG moves itself, 33 and 17.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { Desk, SOON_MS } from '../e2e/desk.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { measureFrames, type Quantiles } from '../helpers/frames.ts';
import { describeWith, onPath } from '../helpers/tools.ts';

const TOPICS = ['orders', 'payments', 'clicks', 'views'];
const PARTITIONS = 25;
const RECORDS_A_SECOND = 10_000;
const EVERY_MS = 50;
const MEASURED_MS = 15_000;
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
    await desk.go('/lab');
    // Measured by the page itself, from the brokers' offsets.
    const rate = async (): Promise<number> => Number((await page.locator('.clients .rate').textContent())?.replaceAll(/\D/g, '') ?? 0);
    await expect.poll(rate, { timeout: 2 * SOON_MS }).toBeGreaterThan(RECORDS_A_SECOND * 0.8);
    await expect.poll(() => page.locator('svg .dot').count(), { timeout: SOON_MS }).toBeGreaterThan(10);
    const written = [await rate()];
    const figures = await measureFrames(
      page.context().browser() ?? expect.unreachable('no browser'),
      page,
      MEASURED_MS,
      async () => void written.push(await rate()),
    );
    const text = ({ p50, p95, p99 }: Quantiles): string => `p50 ${p50.toFixed(1)}, p95 ${p95.toFixed(1)}, p99 ${p99.toFixed(1)} ms`;
    const shares = figures.shares.slice(0, 8).map(([name, share]) => `${name} ${share.toFixed(1)} %`);
    console.info(
      `${figures.frames} frames in ${MEASURED_MS / 1_000} s at ${written.join(' to ')} records/s: ${text(figures.gaps)}; the page's own ` +
        `work for a frame ${text(figures.work)}, ${figures.share.toFixed(1)} % of a processor (${shares.join(', ')}); ${figures.longTasks} tasks above 50 ms`,
    );
    await desk.picture('lab', ['dark']);
    expect(figures.frames).toBeGreaterThan(100);
    expect(figures.work.p95).toBeLessThan(16);
    expect(figures.gaps.p95).toBeLessThan(32);
  });
});
