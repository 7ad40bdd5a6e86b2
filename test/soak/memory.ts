/** The samples of one run, and the bars that they are held to. Sizes in bytes, times in milliseconds. */
import { readFileSync } from 'node:fs';
import type { ThreadSample } from './sampler.ts';

export interface ProcessSample {
  /** Since the start of the run. */
  atMs: number;
  residentBytes: number;
  /** The part of it that is no file: heaps, buffers, stacks. */
  anonymousBytes: number;
}

export interface Bars {
  /** Resident memory at the end, as a multiple of the one at `referenceMs`. */
  growth: number;
  residentBytes: number;
  referenceMs: number;
}

export interface Verdict {
  referenceBytes: number;
  endBytes: number;
  peakBytes: number;
  failures: string[];
}

/** The samples whose median stands for one point in time. */
const WINDOW_MS = 60_000;
const FRESH_MS = 25_000;

/** Linux only; undefined where the process has ended or /proc is missing. */
export function sampleProcess(pid: number, atMs: number): ProcessSample | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const bytes = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN) * 1024;
    return { atMs, residentBytes: bytes('VmRSS'), anonymousBytes: bytes('RssAnon') };
  } catch {
    return undefined;
  }
}

/** The median of the minute around that time; NaN where the run has no sample there. */
export function residentAt(samples: readonly ProcessSample[], atMs: number): number {
  const near = samples.filter((sample) => Math.abs(sample.atMs - atMs) <= WINDOW_MS / 2);
  const sorted = near.map(({ residentBytes }) => residentBytes).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** Fails where a bar is exceeded, and where a sample that a bar needs is missing. */
export function judgeMemory(samples: readonly ProcessSample[], bars: Bars): Verdict {
  const lastMs = samples.at(-1)?.atMs ?? NaN;
  const referenceBytes = residentAt(samples, bars.referenceMs);
  const endBytes = residentAt(samples, lastMs - WINDOW_MS / 2);
  const peakBytes = samples.reduce((most, { residentBytes }) => Math.max(most, residentBytes), 0);
  const failures: string[] = [];
  if (!(endBytes <= bars.residentBytes))
    failures.push(`resident memory at the end: ${mib(endBytes)} MiB, the bar is ${mib(bars.residentBytes)}`);
  if (!(endBytes <= bars.growth * referenceBytes))
    failures.push(`resident memory grew from ${mib(referenceBytes)} to ${mib(endBytes)} MiB, the bar is a factor of ${bars.growth}`);
  return { referenceBytes, endBytes, peakBytes, failures };
}

/** The latest sample of each thread that reported lately. A frozen thread reports nothing. */
export function latestThreads(file: string): ThreadSample[] {
  const latest = new Map<number, ThreadSample>();
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    // The first sample creates it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const sample = JSON.parse(line) as ThreadSample;
    latest.set(sample.threadId, sample);
  }
  return [...latest.values()].filter(({ at }) => Date.now() - at < FRESH_MS).toSorted((a, b) => a.threadId - b.threadId);
}

export function mib(bytes: number | undefined): string {
  return bytes === undefined || Number.isNaN(bytes) ? '?' : String(Math.round(bytes / 1024 / 1024));
}
