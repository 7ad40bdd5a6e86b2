/** What there is to try on each page, by its concept: one line each. A component gets the page's `learn`. */
import type { Component } from 'vue';
import ProducerTry from './ProducerTry.vue';

export const TRIES: Readonly<Record<string, Component>> = {
  producer: ProducerTry,
};
