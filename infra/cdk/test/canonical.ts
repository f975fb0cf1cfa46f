/** Brings what two templates say in different words into one form. */

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type Fields = { [key: string]: Json };

/** A resource, or another entry of a section. */
export type Sections = { [section: string]: { [id: string]: Fields } };

/**
 * One form of a value: texts are put together from `Fn::Sub` and `Fn::Join`, with `‹Name›` and `‹Name.Attribute›` for what is
 * filled in at deployment; texts of JSON are read; numbers and truth values are texts, as CloudFormation takes them; and where order
 * says nothing, in policies and their documents, lists are sorted.
 */
export function canonical(value: Json): Json {
  if (value === null) return null;
  if (typeof value !== 'object') return ofText(String(value));
  if (Array.isArray(value)) return value.map(canonical);
  const [only, ...others] = Object.keys(value);
  if (only !== undefined && others.length === 0) {
    const text = substituted(only, value[only] ?? null);
    if (text !== undefined) return ofText(text);
  }
  const fields = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, canonical(inner)]));
  if (Array.isArray(fields['Policies'])) fields['Policies'] = byName(fields['Policies']);
  return 'Statement' in fields ? ofPolicy(fields) : sorted(fields);
}

/** The text that an intrinsic function makes; nothing where it makes none, or none that is known. */
function substituted(name: string, argument: Json): string | undefined {
  if (name === 'Ref') return `‹${String(argument)}›`;
  if (name === 'Fn::GetAtt') return `‹${Array.isArray(argument) ? argument.join('.') : String(argument)}›`;
  if (name === 'Fn::Sub' && typeof argument === 'string') {
    return argument.replace(/\$\{(!?)([^}]*)\}/g, (_, literal, inner) => (literal ? `\${${inner}}` : `‹${inner}›`));
  }
  if (name === 'Fn::Sub' && Array.isArray(argument) && typeof argument[0] === 'string') {
    const given = canonical(argument[1] ?? {}) as Fields;
    const text = String(substituted(name, argument[0]));
    const filled = text.replace(/‹([^›]*)›/g, (whole, key: string) =>
      typeof given[key] === 'string' ? String(given[key]) : whole,
    );
    return Object.values(given).every((value) => typeof value === 'string') ? filled : undefined;
  }
  if (name === 'Fn::Join' && Array.isArray(argument) && Array.isArray(argument[1])) {
    const parts = argument[1].map((part) => (typeof part === 'string' ? part : canonical(part)));
    if (parts.every((part) => typeof part === 'string')) return parts.join(String(argument[0]));
  }
  return undefined;
}

function ofText(text: string): Json {
  if (!/^\s*[{[]/.test(text)) return text;
  try {
    return canonical(JSON.parse(text) as Json);
  } catch {
    return text;
  }
}

function sorted(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The inline policies of a role, whose order says nothing. */
function byName(policies: Json[]): Json[] {
  const name = (policy: Json) => String((policy as Fields | null)?.['PolicyName']);
  return [...policies].sort((a, b) => (name(a) < name(b) ? -1 : 1));
}

/** The parts of a policy document that one text or a list of them may stand for. */
const LISTS = ['Action', 'Resource', 'NotAction', 'NotResource', 'Service', 'AWS', 'Federated', 'aws:SourceArn'];

function ofPolicy(document: Fields): Fields {
  const lists = (value: Json, key = ''): Json => {
    if (LISTS.includes(key)) return [...new Set([value].flat() as string[])].sort();
    if (Array.isArray(value)) return value.map((inner) => lists(inner));
    if (value === null || typeof value !== 'object') return value;
    return sorted(Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, lists(inner, name)])));
  };
  const statements = [document['Statement'] ?? []].flat().map((statement) => lists(statement));
  const inOrder = statements.map((statement) => JSON.stringify(statement)).sort();
  return sorted({ ...document, Statement: inOrder.map((statement) => JSON.parse(statement) as Json) });
}
