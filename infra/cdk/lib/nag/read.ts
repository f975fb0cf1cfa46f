/** What the checks read of a resource. */

import { Stack, type CfnResource } from 'aws-cdk-lib';

/** What a policy document says, each part as a list. */
export interface Read {
  readonly effect: string;
  readonly actions: string[];
  readonly resources: string[];
  readonly services: string[];
  readonly condition: string;
}

/** The statements of a policy document, with what is filled in at deployment as `<Name>`. */
export function statements(node: CfnResource, document: unknown): Read[] {
  const resolved = Stack.of(node).resolve(document) as { Statement?: Raw | Raw[] } | undefined;
  return [resolved?.Statement ?? []].flat().map((raw) => ({
    effect: raw.Effect,
    actions: list(raw.Action),
    resources: list(raw.Resource),
    services: list((raw.Principal as { Service?: unknown } | undefined)?.Service),
    condition: JSON.stringify(raw.Condition ?? {}),
  }));
}

interface Raw {
  Effect: string;
  Action?: unknown;
  Resource?: unknown;
  Principal?: unknown;
  Condition?: unknown;
}

function list(value: unknown): string[] {
  return value === undefined ? [] : [value].flat().map(text);
}

/** A value as a text: what is joined at deployment is joined, what is looked up is `<Name>`. */
export function text(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const [[name, argument] = ['', undefined]] = Object.entries(value);
  if (name === 'Ref') return `<${String(argument)}>`;
  if (name === 'Fn::GetAtt') return `<${[argument].flat().join('.')}>`;
  if (name === 'Fn::Join') return (argument as [string, unknown[]])[1].map(text).join((argument as [string])[0]);
  return JSON.stringify(value);
}

/** What stands behind the account in an ARN, for example `client/claim-*`; what is no ARN as it is. */
export function resourceOf(arn: string): string {
  return /^arn:(?:(?:<[^>]*>|[^:<])*:){4}(.*)$/.exec(arn)?.[1] ?? arn;
}
