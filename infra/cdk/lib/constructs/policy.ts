/** Policy documents, of IAM and of AWS IoT, and the ARNs in them. */

import { Aws } from 'aws-cdk-lib';

/** A statement that allows something. */
export interface Statement {
  readonly actions: string[];
  readonly resources: string[];
  readonly condition?: Record<string, Record<string, unknown>>;
  /** Why a resource with a wildcard is not too wide; what is granted on one without saying why fails the checks. */
  readonly wide?: string;
}

/** Allows actions on resources. */
export function allow(
  actions: string | string[],
  resources: string | string[],
  more: Pick<Statement, 'condition' | 'wide'> = {},
): Statement {
  return { actions: [actions].flat(), resources: [resources].flat(), ...more };
}

/** The document of some statements. */
export function document(...statements: Statement[]): Record<string, unknown> {
  return {
    Version: '2012-10-17',
    Statement: statements.map(({ actions, resources, condition }) => ({
      Effect: 'Allow',
      Action: actions,
      Resource: resources,
      ...(condition && { Condition: condition }),
    })),
  };
}

/** Who may assume a role, and under which condition. */
export function trust(service: string, condition?: Record<string, unknown>): Record<string, unknown> {
  return {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole', ...(condition && { Condition: condition }) },
    ],
  };
}

/** What the ARNs of AWS IoT in this account and region begin with. */
export const IOT_ARN = `arn:${Aws.PARTITION}:iot:${Aws.REGION}:${Aws.ACCOUNT_ID}`;

/** The ARN of something of AWS IoT in this account and region, for example `thing/*`. */
export function iot(resource: string): string {
  return `${IOT_ARN}:${resource}`;
}

/** The policy variable that AWS IoT fills in with the name of the thing that is connected. */
export const THING = '${iot:Connection.Thing.ThingName}';
