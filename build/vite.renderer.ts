/** Builds the renderer: renderer/index.html to out/renderer. Relative base, so that `app://`, a file and a web path all serve it. */
import { fileURLToPath } from 'node:url';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

export default defineConfig({
  root: `${root}renderer`,
  base: './',
  cacheDir: `${root}out/.vite-renderer`,
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
  build: {
    outDir: `${root}out/renderer`,
    emptyOutDir: true,
    minify: true,
    target: 'chrome130',
    // A data: URL would need its own exception in the content security policy.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
  },
});
