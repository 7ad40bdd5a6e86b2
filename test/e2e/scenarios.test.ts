/** Scenarios from the page: one of the library run to its end; one recorded from what was done in the Lab, and run headless. */
import { readFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { reportOf, runScenarioCommand } from '../helpers/scenario-process.ts';
import { describeWith } from '../helpers/tools.ts';
import { Desk, FAILOVER_MS, SOON_MS } from './desk.ts';
import { kafkaOf } from './shop.ts';
import type { FaultSpec } from '../../shared/models/lab.ts';
import type { ScenarioReport } from '../../shared/models/scenario.ts';
import type { TimelineEvent } from '../../shared/models/timeline.ts';

const TOPIC = 'orders';

/** What was done to the cluster, in the order in which it was. */
function faultsOf(events: readonly TimelineEvent[]): string[] {
  return events.flatMap(({ type, broker, details }) => {
    if (type === 'lab/faultInjected' || type === 'lab/faultHealed')
      return [`${type} ${JSON.stringify((details?.['fault'] as FaultSpec | undefined) ?? null)}`];
    return type.startsWith('lab/') ? [`${type} ${broker ?? ''}`] : [];
  });
}

describeWith('a browser', hasBrowser, 'scenarios', () => {
  let desk: Desk;
  let scratch = '';

  beforeAll(async () => {
    setUpKafkajs();
    scratch = mkdtempSync(join(tmpdir(), 'scenario-e2e-'));
    desk = await Desk.start('scenarios');
  });
  afterAll(async () => {
    await desk.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function verdicts(): Promise<(string | null)[]> {
    const items = await desk.page.getByRole('list', { name: 'Expectations' }).locator('li').all();
    return Promise.all(items.map((item) => item.getAttribute('data-verdict')));
  }

  async function download(button: string): Promise<string> {
    const file = await desk.download(() => desk.page.getByRole('button', { name: button }).click());
    const path = join(scratch, file.suggestedFilename());
    await file.saveAs(path);
    return path;
  }

  test('one of the library runs in the app, step by step, and its report can be kept', { timeout: 300_000 }, async () => {
    const { page } = desk;
    await desk.go('/lab');
    // The navigation has an entry of that name, too.
    await page.locator('.route').getByRole('link', { name: 'Scenarios' }).click();
    await desk.title('Scenarios').waitFor();
    await page.getByRole('link', { name: /^A frozen leader returns/ }).click();
    await page.getByRole('heading', { level: 2, name: 'A frozen leader returns' }).waitFor();
    await desk.picture('before');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('[aria-current=step]').waitFor();
    await page.getByText('freeze broker').waitFor({ timeout: FAILOVER_MS });
    await desk.picture('running');
    await expect.poll(async () => (await verdicts()).filter((one) => one === 'held').length, { timeout: FAILOVER_MS }).toBeGreaterThan(0);
    await page.getByText(/^Passed: all/).waitFor({ timeout: 180_000 });
    expect(new Set(await verdicts())).toEqual(new Set(['held']));
    await desk.picture('held');
    await page.setViewportSize({ width: 1024, height: 720 });
    await desk.picture('held-small');
    await page.setViewportSize({ width: 1440, height: 900 });
    const report = JSON.parse(readFileSync(await download('Report (JSON)'), 'utf8')) as ScenarioReport;
    expect(report.state).toBe('held');
    expect(faultsOf(report.events).map((line) => line.split(' ')[0])).toEqual(['lab/nodeFrozen', 'lab/nodeThawed']);
    expect(readFileSync(await download('JUnit'), 'utf8').match(/<testcase /g)).toHaveLength(report.expectations.length);
    // Its topic is gone again.
    await expect.poll(async () => page.getByRole('link', { name: /^Topics/ }).innerText(), { timeout: SOON_MS }).not.toContain('1');
  });

  test('a run is cancelled, and what it broke is healed', { timeout: 120_000 }, async () => {
    const { page } = desk;
    await desk.go('/lab/scenarios/leader-killed');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText(/^kill broker \d/).waitFor({ timeout: FAILOVER_MS });
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Cancelled. All injected faults are healed.').waitFor({ timeout: 60_000 });
    await desk.go('/lab');
    await page.getByText('None. Select a broker or a link, and inject a fault.').waitFor({ timeout: SOON_MS });
  });

  test('a mistake in a text is reported with its line before the run starts', async () => {
    const { page } = desk;
    await desk.go('/lab/scenarios/own');
    await page
      .getByRole('textbox', { name: "The scenario's text" })
      .fill(
        'name: mine\ntitle: Mine\nabout: Of my own.\nsteps:\n  - say: One.\n    att: 3s\nexpect:\n  - { events: node/failed, atMost: 0 }\n',
      );
    await page.getByRole('button', { name: /line 6.*Unknown key att/ }).waitFor();
    await desk.picture('mistake');
    expect(await page.getByRole('button', { name: 'Run', exact: true }).count()).toBe(0);
  });

  test('what was done in the Lab is saved, and does the same headless, with the same verdict', { timeout: 240_000 }, async () => {
    const { page } = desk;
    const admin = kafkaOf(desk.web.brokers).admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic: TOPIC, numPartitions: 3, replicationFactor: 3, configEntries: [{ name: 'min.insync.replicas', value: '2' }] }],
    });
    await desk.go('/lab?at=broker-2');
    await page.getByRole('button', { name: 'Add load' }).click();
    const adding = page.getByRole('dialog', { name: 'Add load' });
    await adding.getByLabel('Template').selectOption({ label: 'Steady producer' });
    await adding.getByLabel('Topic').selectOption(TOPIC);
    await adding.getByRole('button', { name: 'Start' }).click();
    await adding.waitFor({ state: 'detached' });
    await page.getByRole('heading', { level: 2, name: 'Broker 2' }).waitFor();
    const side = page.locator('.side');
    await side.getByRole('button', { name: 'Freeze', exact: true }).click();
    const list = page.getByRole('list', { name: 'Faults in force' });
    await list.getByText('broker 2 frozen').waitFor();
    await page.waitForTimeout(4_500);
    await page.getByRole('button', { name: 'Thaw: broker 2 frozen' }).click();
    await page.getByText('None. Select a broker or a link, and inject a fault.').waitFor({ timeout: FAILOVER_MS });
    await page.getByRole('button', { name: 'Save as scenario' }).click();
    const dialog = page.getByRole('dialog', { name: 'Save as scenario' });
    await dialog.getByText('step-2').waitFor();
    await desk.picture('record');
    const file = await download('Save file');
    const text = readFileSync(file, 'utf8');

    // Here, by its file: dropped into the editor by hand.
    await desk.go('/lab/scenarios/own');
    await page.getByLabel("A scenario's file").setInputFiles(file);
    await page.getByRole('heading', { level: 2, name: 'Recorded: freeze broker 2' }).waitFor();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText(/^(Passed|Failed): /).waitFor({ timeout: 90_000 });
    const here = JSON.parse(readFileSync(await download('Report (JSON)'), 'utf8')) as ScenarioReport;

    const there = reportOf(await runScenarioCommand([file, '--json']));
    expect(text).toContain('type: freeze');
    expect(text).toContain('name: steady');
    // In the embedded cluster those names were taken: the scenario used others, and what is the user's is as it was.
    expect(here.renamed).toEqual({ [TOPIC]: `${TOPIC}-2`, steady: 'steady-2' });
    expect((await admin.listTopics()).filter((name) => name.startsWith(TOPIC))).toEqual([TOPIC]);
    await desk.go('/lab');
    await expect.poll(() => page.getByRole('list', { name: 'Loads' }).locator('li').count(), { timeout: SOON_MS }).toBe(1);
    await admin.disconnect();
    expect(faultsOf(there.events)).toEqual(['lab/nodeFrozen 2', 'lab/nodeThawed 2']);
    expect(faultsOf(here.events)).toEqual(faultsOf(there.events));
    expect(here.state, JSON.stringify(here.expectations)).toBe('held');
    expect(there.state, JSON.stringify(there.expectations)).toBe('held');
    expect(there.expectations.map(({ text: what, verdict }) => [what, verdict])).toEqual(
      here.expectations.map(({ text: what, verdict }) => [what, verdict]),
    );
  });

  test('the pages complain of nothing, and every control has a name', async () => {
    await desk.go('/lab/scenarios/leader-killed');
    await desk.page.getByRole('list', { name: 'Steps' }).waitFor();
    expect(await desk.nameless()).toEqual([]);
    expect(desk.complaints).toEqual([]);
  });
});
