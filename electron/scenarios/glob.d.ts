/** The form of the bundler's `import.meta.glob` that `library.ts` uses. */
interface ImportMeta {
  glob(pattern: string, options: { query: '?raw'; eager: true; import: 'default' }): Record<string, string>;
}
