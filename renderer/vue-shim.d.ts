/** For tools that read TypeScript without Vue's compiler (ESLint); vue-tsc sees the components themselves. */
declare module '*.vue' {
  import type { Component } from 'vue';
  const component: Component;
  export default component;
}
