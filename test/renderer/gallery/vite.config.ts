/** Builds the gallery into out/gallery: `vite build -c test/renderer/gallery/vite.config.ts`. */
import { fileURLToPath } from 'node:url';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

const root = fileURLToPath(new URL('../../../', import.meta.url));

export default defineConfig({
  root: `${root}test/renderer/gallery`,
  base: './',
  cacheDir: `${root}out/.vite-gallery`,
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
  build: {
    outDir: `${root}out/gallery`,
    emptyOutDir: true,
    minify: false,
    target: 'chrome130',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
  },
});
