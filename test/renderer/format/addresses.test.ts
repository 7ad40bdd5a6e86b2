// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
import { createMemoryHistory, type RouteLocationNormalized } from 'vue-router';
import { groupPath, topicPath, type TopicTab } from '../../../renderer/format/addresses.ts';
import { createAppRouter } from '../../../renderer/router.ts';
import { ODD_NAMES } from '../../helpers/odd-names.ts';

const router = createAppRouter(createMemoryHistory());
function propsOf(path: string): unknown {
  const to = router.resolve(path);
  const props = to.matched.at(-1)?.props['default'];
  return typeof props === 'function' ? props(to as RouteLocationNormalized) : props;
}

describe('addresses of groups and topics', () => {
  it('lead to the page of that very name', () => {
    for (const name of ODD_NAMES) {
      expect(propsOf(groupPath(name)), JSON.stringify(name)).toEqual({ id: name });
      for (const tab of ['messages', 'partitions', 'consumers', 'settings'] as TopicTab[])
        expect(propsOf(topicPath(name, tab)), JSON.stringify(name)).toEqual({ name });
    }
  });

  it('differ for different names, and survive the address bar', () => {
    const paths = ODD_NAMES.map(groupPath);
    expect(new Set(paths).size).toBe(ODD_NAMES.length);
    for (const path of paths) {
      const { hash } = new URL(`http://127.0.0.1/#${path}`);
      expect(hash).toBe(`#${path}`);
      expect(propsOf(hash.slice(1))).toEqual(propsOf(path));
    }
  });

  it('show the page of a name that is not well-formed Unicode', () => {
    expect(propsOf(groupPath('a\ud800'))).toEqual({ id: 'a\ufffd' });
  });

  it('name the page by its escaped name', async () => {
    await router.push(groupPath('a\nb'));
    expect(document.title).toBe('a\\nb · Consumer group · Brokerdesk');
    await router.push(groupPath(''));
    expect(document.title).toBe('"" · Consumer group · Brokerdesk');
  });
});
