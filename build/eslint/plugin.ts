/**
 * The lint rules of the project: layers, injected clock, disk, network and randomness in the cluster, no list of unknown length as the
 * arguments of a call, no plain object that is keyed by an external name.
 */
import { dirname, posix, relative, resolve, sep } from 'node:path';
import type { Rule } from 'eslint';
import type { Node } from 'estree';
import { foreignKeys } from './foreign-keys.ts';
import { refusal } from './layers.ts';

const ROOT = resolve(import.meta.dirname, '../..');

function fromRoot(path: string): string {
  return relative(ROOT, path).split(sep).join(posix.sep);
}

/** The imported file as a path from the root, or the bare specifier of a package or Node module. */
export function resolveSpecifier(file: string, specifier: string): string {
  if (specifier.startsWith('.')) return posix.normalize(posix.join(dirname(file), specifier.replace(/\?.*$/, '')));
  if (specifier.startsWith('#shared/')) return `shared/${specifier.slice('#shared/'.length)}.ts`;
  if (specifier.startsWith('node:')) return specifier;
  const [scopeOrName, name] = specifier.split('/');
  return specifier.startsWith('@') ? `${scopeOrName}/${name}` : (scopeOrName as string);
}

const layers: Rule.RuleModule = {
  meta: { type: 'problem', schema: [], messages: { refused: '{{why}} (build/eslint/layers.ts)' } },
  create(context) {
    const file = fromRoot(context.filename);
    const check = (node: Rule.Node, source: unknown): void => {
      if (typeof source !== 'string') return;
      const why = refusal(file, resolveSpecifier(file, source));
      if (why !== null) context.report({ node, messageId: 'refused', data: { why } });
    };
    return {
      ImportDeclaration: (node) => check(node, node.source.value),
      ExportNamedDeclaration: (node) => check(node, node.source?.value),
      ExportAllDeclaration: (node) => check(node, node.source.value),
      ImportExpression: (node) => check(node, node.source.type === 'Literal' ? node.source.value : undefined),
    };
  },
};

/** The only file of the cluster that may use each of the globals; other files receive it by injection. */
const AMBIENT_HOMES = /^electron\/cluster\/(lib\/system-[a-z-]+|network\/tcp|node-worker|cluster|cluster-[a-z-]+)\.ts$/;
const AMBIENT_MODULES = /^node:(fs|net|tls|dgram|http|https|timers|child_process|crypto|os|perf_hooks|worker_threads)(\/.*)?$/;
const AMBIENT_GLOBALS = new Set(['setTimeout', 'setInterval', 'setImmediate', 'performance', 'process', 'crypto', 'fetch', 'console']);

const injected: Rule.RuleModule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { ambient: '{{what}} is ambient: take a Clock, Disk, Network, Random or Logger (electron/cluster/lib)' },
  },
  create(context) {
    const file = fromRoot(context.filename);
    if (!file.startsWith('electron/cluster/') || AMBIENT_HOMES.test(file)) return {};
    const report = (node: Rule.Node, what: string): void => context.report({ node, messageId: 'ambient', data: { what } });
    return {
      ImportDeclaration(node) {
        if (AMBIENT_MODULES.test(String(node.source.value))) report(node, String(node.source.value));
      },
      MemberExpression(node) {
        if (node.object.type !== 'Identifier' || node.property.type !== 'Identifier') return;
        const name = `${node.object.name}.${node.property.name}`;
        if (name === 'Date.now' || name === 'Math.random') report(node, name);
      },
      NewExpression(node) {
        if (node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0) report(node, 'new Date()');
      },
      'Program:exit'(program) {
        for (const reference of context.sourceCode.getScope(program).through) {
          if (AMBIENT_GLOBALS.has(reference.identifier.name)) report(reference.identifier as Rule.Node, reference.identifier.name);
        }
      },
    };
  },
};

/** Calls with the values of a list as arguments; ten thousand values overflow the stack. */
const SPREADABLE_METHODS = new Set(['push', 'unshift', 'splice', 'concat', 'fromCharCode', 'fromCodePoint']);
const SPREADABLE_MATH = new Set(['min', 'max', 'hypot']);

/** The name of the called method, if it is literal. */
function calledMethod(callee: Node): { object: string | null; name: string } | null {
  if (callee.type !== 'MemberExpression' || callee.computed || callee.property.type !== 'Identifier') return null;
  return { object: callee.object.type === 'Identifier' ? callee.object.name : null, name: callee.property.name };
}

function isSpreadable(called: { object: string | null; name: string } | null): boolean {
  if (called === null) return false;
  return called.object === 'Math' ? SPREADABLE_MATH.has(called.name) : SPREADABLE_METHODS.has(called.name);
}

const boundedArguments: Rule.RuleModule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      spread: '{{name}}(...list) overflows the stack where the list is long: use a loop, or appendAll, maxOf and minOf of shared/lists.ts',
    },
  },
  create(context) {
    return {
      CallExpression(node) {
        const called = calledMethod(node.callee);
        // Math.max.apply(null, list) and Reflect.apply(list.push, list, items) are the same call.
        const target =
          called?.name === 'apply' && node.callee.type === 'MemberExpression' && called.object !== 'Reflect'
            ? calledMethod(node.callee.object)
            : called?.object === 'Reflect' && called.name === 'apply'
              ? calledMethod(node.arguments[0] as Node)
              : null;
        const list = target === null ? undefined : node.arguments.at(-1);
        const spread =
          list !== undefined && list.type !== 'ArrayExpression'
            ? isSpreadable(target)
            : isSpreadable(called) &&
              node.arguments.some((argument) => argument.type === 'SpreadElement' && argument.argument.type !== 'ArrayExpression');
        if (spread) context.report({ node, messageId: 'spread', data: { name: (target ?? called)?.name ?? '' } });
      },
    };
  },
};

export const brokerdeskPlugin = { rules: { layers, injected, 'bounded-arguments': boundedArguments, 'foreign-keys': foreignKeys } };
