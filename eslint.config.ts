import js from '@eslint/js';
import vue from 'eslint-plugin-vue';
import { defineConfig } from 'eslint/config';
import ts from 'typescript-eslint';
import { brokerdeskPlugin } from './build/eslint/plugin.ts';

export default defineConfig(
  { ignores: ['out/', 'dist/', 'artifacts/', 'node_modules/'] },
  js.configs.recommended,
  ts.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: {
      parserOptions: {
        project: ['electron/tsconfig.json', 'renderer/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.vue'],
      },
    },
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: 'always' }],
      // erasableSyntaxOnly allows no enum here, and the rule takes a tenth of the time of all: it asks for the context of each expression.
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      eqeqeq: 'error',
      'no-console': 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
    },
  },
  // The code generator of the codecs is the one place that makes functions out of text, all of it our own schemas.
  { files: ['electron/cluster/protocol/compile.ts'], rules: { '@typescript-eslint/no-implied-eval': 'off' } },
  { files: ['build/**/*.ts', 'electron/cli/**/*.ts', 'electron/cli.ts', 'test/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    // Fakes answer promises without awaiting, hand methods around, and stand for instances of classes.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
    },
  },
  vue.configs['flat/recommended'],
  {
    files: ['**/*.vue'],
    languageOptions: { parserOptions: { parser: ts.parser } },
    rules: {
      'vue/max-attributes-per-line': 'off',
      // TypeScript says which props are optional.
      'vue/require-default-prop': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/html-indent': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/multiline-html-element-content-newline': 'off',
      'vue/first-attribute-linebreak': 'off',
      'no-undef': 'off',
      'no-unused-vars': 'off',
    },
  },
  { plugins: { brokerdesk: brokerdeskPlugin }, rules: { 'brokerdesk/layers': 'error', 'brokerdesk/injected': 'error' } },
  // Tests make the lists that they spread.
  { files: ['**/*.ts', '**/*.vue'], ignores: ['test/**'], rules: { 'brokerdesk/bounded-arguments': 'error' } },
  {
    files: ['electron/**/*.ts', 'renderer/**/*.ts', 'renderer/**/*.vue', 'shared/**/*.ts'],
    rules: { 'brokerdesk/foreign-keys': 'error' },
  },
);
