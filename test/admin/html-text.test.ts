import { describe, expect, it } from 'vitest';
import { htmlToText } from '../../electron/admin/html-text.ts';

describe('htmlToText', () => {
  it.each([
    ['This policy is <code>delete</code>.', 'This policy is delete.'],
    ['One of:<ul><li>a, the default.</li><li><b>b</b></li></ul>Then more.', 'One of:\n• a, the default.\n• b\nThen more.'],
    ['See <a href="https://kafka.apache.org/x?a=1&amp;b=2" target="_blank">compaction</a>', 'See compaction'],
    ['0 &lt; n &#60;= 5 &amp;&amp; &quot;x&quot;', '0 < n <= 5 && "x"'],
    ['listener.name.<listenerName>.key and <2 brokers>', 'listener.name.<listenerName>.key and <2 brokers>'],
    ['<p>First</p>\n<p>second<br/>third</p>', 'First\nsecond\nthird'],
    ['&lt;b&gt; stays text, &unknown; too', '<b> stays text, &unknown; too'],
    ['a \u00a0 b\n   c', 'a b c'],
    ['', ''],
  ])('%j', (html, text) => {
    expect(htmlToText(html)).toBe(text);
  });

  it('is linear in hostile input', () => {
    for (const hostile of ['<'.repeat(1_000_000), '<a '.repeat(300_000), '&#'.repeat(500_000), '<li>'.repeat(250_000)])
      expect(htmlToText(hostile).length).toBeLessThan(20_000);
  });
});
