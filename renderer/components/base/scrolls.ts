/** Whether more is in a scroller than is seen: then it is a stop for Tab, so that arrow keys reach what lies further down. */
import { ref, watch, type Ref } from 'vue';
import { useMutationObserver, useResizeObserver } from '@vueuse/core';

export function useScrolls(scroller: Ref<HTMLElement | null>): Readonly<Ref<boolean>> {
  const scrolls = ref(false);
  function measure(): void {
    const element = scroller.value;
    scrolls.value = element !== null && (element.scrollHeight > element.clientHeight + 1 || element.scrollWidth > element.clientWidth + 1);
  }
  useResizeObserver(scroller, measure);
  // Rows that come and go change what is inside, not the box.
  useMutationObserver(scroller, measure, { childList: true, subtree: true });
  watch(scroller, measure, { flush: 'post' });
  return scrolls;
}
