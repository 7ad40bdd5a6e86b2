/** What is photographed. */
import type { Page } from 'playwright-core';
import type { Variant } from '../fixtures/fixture-cluster.ts';

export interface Shot {
  name: string;
  variant: Variant;
  theme: 'dark' | 'light';
  path: string;
  width?: number;
  height?: number;
  waitMs?: number;
  act?: (page: Page) => Promise<void>;
}

export const SHOTS: Shot[] = [
  { name: 'overview-dark', variant: 'broken', theme: 'dark', path: '/overview', waitMs: 4000 },
  { name: 'overview-light', variant: 'healthy', theme: 'light', path: '/overview', waitMs: 3000 },
  { name: 'overview-empty', variant: 'empty', theme: 'dark', path: '/overview' },
  { name: 'overview-huge', variant: 'huge', theme: 'dark', path: '/overview' },
  { name: 'overview-narrow', variant: 'broken', theme: 'light', path: '/overview', width: 1024, height: 768 },
  { name: 'overview-wide', variant: 'broken', theme: 'light', path: '/overview', width: 1920, height: 1080 },
  { name: 'overview-light-broken', variant: 'broken', theme: 'light', path: '/overview', height: 1500, waitMs: 14000 },
  { name: 'overview-dark-tall', variant: 'healthy', theme: 'dark', path: '/overview', height: 1500, waitMs: 14000 },
  { name: 'overview-noquorum', variant: 'noquorum', theme: 'dark', path: '/overview', height: 1300, waitMs: 3000 },
  { name: 'overview-unreachable', variant: 'unreachable', theme: 'light', path: '/overview', height: 1300 },
  { name: 'overview-unreachable-dark', variant: 'unreachable', theme: 'dark', path: '/overview', width: 1024 },
  { name: 'overview-large', variant: 'large', theme: 'dark', path: '/overview', height: 1300, waitMs: 12000 },
  { name: 'overview-vast', variant: 'vast', theme: 'light', path: '/overview', width: 1920, height: 1300, waitMs: 3000 },
  {
    name: 'overview-vast-dark',
    variant: 'vast',
    theme: 'dark',
    path: '/overview',
    height: 1300,
    act: async (page) => {
      await page.getByRole('application').focus();
      for (let i = 0; i < 9; i++) await page.keyboard.press('ArrowDown');
    },
  },
  {
    name: 'overview-vast-table',
    variant: 'vast',
    theme: 'light',
    path: '/overview',
    width: 1024,
    height: 1500,
    act: async (page) => page.getByRole('region', { name: 'Partitions on brokers' }).getByRole('button', { name: 'Table' }).click(),
  },
  { name: 'incidents-light', variant: 'broken', theme: 'light', path: '/incidents', waitMs: 2000 },
  { name: 'incidents-dark', variant: 'empty', theme: 'dark', path: '/incidents' },
  {
    name: 'create-dark',
    variant: 'broken',
    theme: 'dark',
    path: '/overview',
    act: async (page) => {
      await page.getByRole('button', { name: 'Create topic' }).first().click();
      await page.getByLabel('Name').fill('orders v2');
    },
  },
  {
    name: 'create-light-more',
    variant: 'healthy',
    theme: 'light',
    path: '/topics',
    act: async (page) => {
      await page.getByRole('button', { name: 'Create topic' }).first().click();
      await page.getByLabel('Name').fill('orders-v2');
      await page.getByRole('button', { name: /more settings/ }).click();
    },
  },
  { name: 'topics-dark', variant: 'broken', theme: 'dark', path: '/topics' },
  { name: 'topics-light', variant: 'healthy', theme: 'light', path: '/topics' },
  { name: 'topics-huge', variant: 'huge', theme: 'light', path: '/topics' },
  { name: 'topics-empty', variant: 'empty', theme: 'light', path: '/topics' },
  { name: 'brokers-dark', variant: 'broken', theme: 'dark', path: '/brokers' },
  { name: 'brokers-light', variant: 'healthy', theme: 'light', path: '/brokers' },
  { name: 'broker-dark', variant: 'healthy', theme: 'dark', path: '/brokers/2' },
  {
    name: 'kill-dark',
    variant: 'healthy',
    theme: 'dark',
    path: '/brokers',
    act: async (page) => {
      await page.getByRole('button', { name: 'Kill broker 2' }).click();
    },
  },
  {
    name: 'messages-dark',
    variant: 'healthy',
    theme: 'dark',
    path: '/topics/orders/messages',
    act: async (page) => page.locator('tbody tr').nth(3).click(),
  },
  { name: 'messages-light', variant: 'healthy', theme: 'light', path: '/topics/orders/messages' },
  {
    name: 'produce-light',
    variant: 'healthy',
    theme: 'light',
    path: '/topics/orders/messages',
    act: async (page) => page.getByRole('button', { name: 'Produce' }).click(),
  },
  { name: 'partitions-dark', variant: 'broken', theme: 'dark', path: '/topics/clicks/partitions' },
  { name: 'consumers-light', variant: 'healthy', theme: 'light', path: '/topics/orders/consumers' },
  { name: 'settings-light', variant: 'healthy', theme: 'light', path: '/topics/orders/settings' },
  {
    name: 'settings-lower-dark',
    variant: 'healthy',
    theme: 'dark',
    path: '/topics/orders/settings',
    width: 1024,
    height: 768,
    act: async (page) => {
      await page.getByRole('button', { name: 'Change retention.ms' }).click();
      await page.getByRole('textbox', { name: 'retention.ms' }).fill('1 h');
    },
  },
  {
    name: 'connection-remove-light',
    variant: 'healthy',
    theme: 'light',
    path: '/connections',
    act: async (page) => page.getByRole('button', { name: 'Remove Staging' }).click(),
  },
  {
    name: 'connection-removed-dark',
    variant: 'healthy',
    theme: 'dark',
    path: '/connections',
    act: async (page) => {
      await page.getByRole('button', { name: 'Remove Staging' }).click();
      await page.getByRole('button', { name: 'Remove connection' }).click();
    },
  },
  {
    name: 'delete-dark',
    variant: 'healthy',
    theme: 'dark',
    path: '/topics/orders/partitions',
    act: async (page) => {
      await page.getByRole('button', { name: 'Delete' }).first().click();
    },
  },
  { name: 'groups-dark', variant: 'broken', theme: 'dark', path: '/groups' },
  { name: 'group-light', variant: 'healthy', theme: 'light', path: '/groups/billing' },
  { name: 'group-dark', variant: 'broken', theme: 'dark', path: '/groups/billing', waitMs: 2500 },
  { name: 'coordination-dark', variant: 'broken', theme: 'dark', path: '/brokers/quorum' },
  { name: 'coordination-light', variant: 'healthy', theme: 'light', path: '/brokers/quorum' },
  { name: 'lab-dark', variant: 'faulty', theme: 'dark', path: '/lab?at=broker-3', waitMs: 7000 },
  { name: 'lab-light', variant: 'faulty', theme: 'light', path: '/lab?at=broker-3', waitMs: 5000 },
  { name: 'lab-healthy', variant: 'healthy', theme: 'dark', path: '/lab', waitMs: 3000 },
  { name: 'lab-narrow', variant: 'faulty', theme: 'dark', path: '/lab?at=link-2-3', width: 1024, height: 768, waitMs: 5000 },
  { name: 'lab-wide', variant: 'faulty', theme: 'light', path: '/lab?at=broker-3', width: 1920, height: 1080, waitMs: 5000 },
  { name: 'lab-nine', variant: 'nine', theme: 'dark', path: '/lab', waitMs: 3000 },
  { name: 'lab-nine-narrow', variant: 'nine', theme: 'light', path: '/lab', width: 1024, height: 768, waitMs: 3000 },
  { name: 'lab-five', variant: 'five', theme: 'light', path: '/lab', waitMs: 3000 },
  { name: 'lab-empty', variant: 'empty', theme: 'dark', path: '/lab' },
  { name: 'lab-remote', variant: 'remote', theme: 'light', path: '/lab' },
  { name: 'lab-broken', variant: 'broken', theme: 'light', path: '/lab?at=broker-3', waitMs: 3000 },
  {
    name: 'lab-form',
    variant: 'healthy',
    theme: 'dark',
    path: '/lab?at=broker-2',
    act: async (page) => {
      await page.getByRole('button', { name: 'Slow links…' }).click();
      await page.getByLabel('Latency').fill('soon');
    },
  },
  {
    name: 'load-dialog',
    variant: 'healthy',
    theme: 'dark',
    path: '/lab',
    act: async (page) => {
      await page.getByRole('button', { name: 'Add load' }).click();
      await page.getByLabel('Records per second').fill('many');
    },
  },
  {
    name: 'load-dialog-group',
    variant: 'healthy',
    theme: 'light',
    path: '/lab',
    act: async (page) => page.getByRole('button', { name: 'Two consumers' }).click(),
  },
  { name: 'load-tall', variant: 'faulty', theme: 'light', path: '/lab', height: 1400, waitMs: 2000 },
  {
    name: 'lab-hover',
    variant: 'faulty',
    theme: 'dark',
    path: '/lab?at=broker-3',
    act: async (page) => {
      await page.waitForTimeout(5000);
      await page.getByRole('listbox').focus();
      await page.keyboard.press('End');
      for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowLeft');
    },
  },
  {
    name: 'past-lab-dark',
    variant: 'faulty',
    theme: 'dark',
    path: '/lab?at=broker-3',
    act: async (page) => {
      await page.waitForTimeout(9000);
      const rail = page.getByRole('slider', { name: 'Point in time' });
      await rail.focus();
      for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown');
      await page.getByRole('button', { name: 'Previous event' }).click();
    },
  },
  {
    name: 'past-lab-light',
    variant: 'faulty',
    theme: 'light',
    path: '/lab?at=broker-3',
    width: 1024,
    height: 720,
    act: async (page) => {
      await page.waitForTimeout(9000);
      await page.getByRole('slider', { name: 'Point in time' }).focus();
      for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown');
      await page.getByRole('button', { name: 'Previous event' }).click();
    },
  },
  {
    name: 'past-drawer',
    variant: 'faulty',
    theme: 'light',
    path: '/overview',
    act: async (page) => {
      await page.waitForTimeout(9000);
      await page.getByRole('button', { name: 'Timeline' }).click();
      await page.getByRole('button', { name: 'Previous event' }).click();
      for (let i = 0; i < 3; i++) await page.getByRole('button', { name: 'Previous event' }).click();
    },
  },
  { name: 'tree-dark', variant: 'healthy', theme: 'dark', path: '/brokers/zookeeper?path=/brokers/topics/orders/partitions/2/state' },
  { name: 'tree-light', variant: 'healthy', theme: 'light', path: '/brokers/zookeeper?path=/brokers/ids/1', width: 1024, height: 768 },
  { name: 'tree-gone', variant: 'healthy', theme: 'dark', path: '/brokers/zookeeper?path=/brokers/ids/7' },
  { name: 'brokers-faulty', variant: 'faulty', theme: 'dark', path: '/brokers', waitMs: 5000 },
  { name: 'overview-faulty', variant: 'faulty', theme: 'light', path: '/overview', waitMs: 5000 },
  { name: 'strip-narrow', variant: 'broken', theme: 'dark', path: '/topics', width: 1024, height: 768, waitMs: 3000 },
  { name: 'connections-light', variant: 'healthy', theme: 'light', path: '/connections' },
  { name: 'connections-dark', variant: 'healthy', theme: 'dark', path: '/connections' },
  { name: 'palette-dark', variant: 'healthy', theme: 'dark', path: '/overview', act: async (page) => page.keyboard.press('Control+K') },
  {
    name: 'timeline-dark',
    variant: 'broken',
    theme: 'dark',
    path: '/topics',
    act: async (page) => page.getByRole('button', { name: 'Timeline' }).click(),
  },
  { name: 'network-access-light', variant: 'healthy', theme: 'light', path: '/connections', act: openNetworkAccess },
  { name: 'network-access-dark', variant: 'healthy', theme: 'dark', path: '/connections', act: openNetworkAccess },
];

async function openNetworkAccess(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Change network access' }).click();
  await page.getByLabel('Other machines and containers too').check();
}
