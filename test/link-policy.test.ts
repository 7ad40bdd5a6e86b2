import { describe, expect, it } from 'vitest';
import { isWebPage, LinkPolicy } from '../electron/link-policy.ts';

const LINK = 'https://kafka.apache.org/documentation/';

describe('LinkPolicy', () => {
  it('opens nothing before a person has done anything', () => {
    expect(new LinkPolicy().takeGesture(LINK, 0)).toBe(false);
  });

  it.each(['mouseUp', 'keyDown', 'gestureTap'])('opens one link after %s, not a second one', (type) => {
    const policy = new LinkPolicy();
    policy.noteInput(type, 1_000);
    expect(policy.takeGesture(LINK, 1_200)).toBe(true);
    expect(policy.takeGesture(LINK, 1_200)).toBe(false);
  });

  it.each(['mouseMove', 'mouseWheel', 'mouseEnter', 'gestureScrollUpdate'])('opens nothing after %s', (type) => {
    const policy = new LinkPolicy();
    policy.noteInput(type, 0);
    expect(policy.takeGesture(LINK, 1)).toBe(false);
  });

  it('opens nothing long after a gesture', () => {
    const policy = new LinkPolicy();
    policy.noteInput('mouseUp', 0);
    expect(policy.takeGesture(LINK, 5_001)).toBe(false);
  });

  it('keeps the gesture where the address is refused', () => {
    const policy = new LinkPolicy();
    policy.noteInput('mouseUp', 0);
    expect(policy.takeGesture('http://127.0.0.1/', 1)).toBe(false);
    expect(policy.takeGesture(LINK, 2)).toBe(true);
  });

  it.each([
    'http://127.0.0.1/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'https:',
    'https://user@host/',
    'https://user:word@host/',
    'app://brokerdesk/',
    '',
    `https://host/${'x'.repeat(2_000)}`,
  ])('takes %j for no web page', (address) => {
    expect(isWebPage(address)).toBe(false);
  });
});
