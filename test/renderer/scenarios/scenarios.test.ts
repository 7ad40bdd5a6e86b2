import { describe, expect, test } from 'vitest';
import { expectationRows, firstSentence, runOf, stepRows, describeRun } from '../../../renderer/scenarios/scenarios.ts';
import { FIXTURE_OUTLINE, fixtureRun } from '../fixtures/fixture-scenarios.ts';

describe('a scenario and its run', () => {
  test('before it, steps say what they will do', () => {
    const [first] = stepRows(FIXTURE_OUTLINE, null);
    expect(first).toMatchObject({ when: 'at 3 s', state: 'waiting', actions: [{ text: 'kill leader of orders-0', error: null }] });
  });

  test('in it, what was done, and when', () => {
    const run = fixtureRun();
    Object.assign(run.steps[0] ?? {}, {
      state: 'done',
      beganMs: 3_040,
      actions: [{ text: 'kill broker 2 (the leader of orders-0)', atMs: 3_060, error: null }],
    });
    const [first, second] = stepRows(FIXTURE_OUTLINE, run);
    expect(first).toMatchObject({ when: '3.0 s', state: 'done', actions: [{ text: 'kill broker 2 (the leader of orders-0)' }] });
    expect(second).toMatchObject({ when: 'when orders-0 has a leader', state: 'waiting', actions: [{ text: 'start victim' }] });
  });

  test('the run of another scenario, or of another version of it, is not shown on it', () => {
    const run = fixtureRun();
    expect(runOf(run, FIXTURE_OUTLINE)).toBe(run);
    expect(runOf(fixtureRun({ scenario: { ...run.scenario, name: 'other' } }), FIXTURE_OUTLINE)).toBeNull();
    expect(runOf(fixtureRun({ steps: [] }), FIXTURE_OUTLINE)).toBeNull();
  });

  test('verdicts come with what was measured', () => {
    const run = fixtureRun();
    Object.assign(run.expectations[1] ?? {}, { verdict: 'held', measured: 'after 3.1 s' });
    expect(expectationRows(FIXTURE_OUTLINE, run).map(({ verdict, measured }) => [verdict, measured])).toEqual([
      ['open', null],
      ['held', 'after 3.1 s'],
    ]);
    expect(describeRun({ ...run, state: 'failed' })).toEqual({ text: 'Failed: 1 of 2 expectations passed', tone: 'bad' });
    expect(describeRun({ ...run, state: 'broken', problem: 'It needs 5 brokers.' }).text).toBe('It needs 5 brokers.');
  });

  test('the first sentence is what the list says', () => {
    expect(firstSentence('A broker dies without\na word. More.')).toBe('A broker dies without a word.');
    expect(firstSentence('min.insync.replicas is a line. More.')).toBe('min.insync.replicas is a line.');
    expect(firstSentence('no end')).toBe('no end');
  });
});
