/**
 * The rule foreign-keys: a plain object must not be keyed by a name that is known at run time only. A topic, group, header or setting named
 * `constructor` or `__proto__` would read or write properties of Object.prototype.
 *
 * In TypeScript files the rule uses types: `object[key]`, `key in object` and `Object.assign` are refused when the object has string index
 * signatures and the key is a string (also one that a cast claims to be a member). Object literals, spreads and Object.fromEntries define
 * own properties and are allowed, and so is `Object.hasOwn(table, key) ? table[key] : …`. Components are linted without types: there the type `Record<string, …>` is refused.
 */
import type { Rule } from 'eslint';
import type { Node } from 'estree';
import type { ParserServicesWithTypeInformation } from '@typescript-eslint/utils';
import ts from 'typescript';

/** `ownValue`, which the message of the rule points to. */
const HOME = /(^|\/)shared\/own-value\.ts$/;

/** The used properties of a node; ESLint has no types for TypeScript nodes. */
interface Syntax {
  type: string;
  name?: unknown;
  expression?: Syntax | boolean;
  typeName?: Syntax;
  typeArguments?: { params: Syntax[] };
}

function hasTypes(services: unknown): services is ParserServicesWithTypeInformation {
  return typeof services === 'object' && services !== null && 'program' in services && services.program !== null;
}

/** The expression without casts, and whether it had any. */
function uncast(node: Syntax): { inner: Syntax; isCast: boolean } {
  let inner = node;
  let isCast = false;
  while (typeof inner.expression === 'object' && (inner.type === 'TSAsExpression' || inner.type === 'TSNonNullExpression')) {
    isCast ||= inner.type === 'TSAsExpression';
    inner = inner.expression;
  }
  return { inner, isCast };
}

export const foreignKeys: Rule.RuleModule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      key: 'A plain object is keyed by a name that may be one of Object.prototype: use a Map; a constant table is read by ownValue of shared/own-value.ts or after Object.hasOwn',
      record: 'Record<string, …> may be keyed by a name of Object.prototype: use a Map, a switch, or a union of literals as the key',
    },
  },
  create(context) {
    const parserServices: unknown = context.sourceCode.parserServices;
    if (HOME.test(context.filename.replaceAll('\\', '/'))) return {};
    if (!hasTypes(parserServices)) {
      return {
        TSTypeReference(node: Node) {
          const { typeName, typeArguments } = node as Syntax;
          if (typeName?.name === 'Record' && typeArguments?.params[0]?.type === 'TSStringKeyword')
            context.report({ node, messageId: 'record' });
        },
      };
    }
    const services = parserServices;
    const checker = services.program.getTypeChecker();
    const declaredTypeOf = (node: Syntax): ts.Type => services.getTypeAtLocation(node as never);
    const typeOf = (node: Syntax): ts.Type => checker.getApparentType(declaredTypeOf(node));
    const parts = (type: ts.Type): ts.Type[] => (type.isUnion() ? type.types : [type]);
    const isOpenString = (node: Syntax): boolean => {
      const type = declaredTypeOf(node);
      const bound = checker.getBaseConstraintOfType(type) ?? type;
      return parts(bound).some((part) => (part.flags & (ts.TypeFlags.String | ts.TypeFlags.TemplateLiteral)) !== 0);
    };
    const hasStringIndex = (node: Syntax): boolean =>
      parts(typeOf(node)).some((part) =>
        checker.getIndexInfosOfType(part).some(({ keyType }) => (keyType.flags & ts.TypeFlags.String) !== 0),
      );
    const isList = (node: Syntax): boolean => parts(typeOf(node)).every((part) => checker.isArrayLikeType(part));
    const isForeign = (object: Syntax, key: Syntax): boolean => {
      const { inner, isCast } = uncast(key);
      if (!isOpenString(inner)) return false;
      return hasStringIndex(object) || (isCast && !isList(object));
    };
    /** An access in the branch of Object.hasOwn for the same object and key. */
    const isGuarded = (node: Rule.Node): boolean => {
      if (node.type !== 'MemberExpression') return false;
      const text = (part: Node): string => context.sourceCode.getText(part);
      const guard = `Object.hasOwn(${text(node.object)}, ${text(node.property)})`;
      for (let at: Rule.Node = node; at.type !== 'Program'; at = at.parent) {
        const parent: Rule.Node = at.parent;
        if (parent.type === 'ConditionalExpression' && parent.consequent === at && text(parent.test) === guard) return true;
      }
      return false;
    };
    const report = (node: Node): void => context.report({ node, messageId: 'key' });
    return {
      MemberExpression(node) {
        if (!node.computed || node.property.type === 'Literal') return;
        if (isForeign(node.object, node.property) && !isGuarded(node)) report(node);
      },
      BinaryExpression(node) {
        if (node.operator !== 'in' || node.left.type === 'PrivateIdentifier') return;
        if (isOpenString(node.left) && !isList(node.right)) report(node);
      },
      CallExpression(node) {
        const { callee } = node;
        if (callee.type !== 'MemberExpression' || callee.object.type !== 'Identifier' || callee.object.name !== 'Object') return;
        if (callee.property.type !== 'Identifier' || callee.property.name !== 'assign') return;
        const sources = node.arguments.slice(1);
        if (sources.some((source) => source.type !== 'SpreadElement' && hasStringIndex(source))) report(node);
      },
    };
  },
};
