import { Aws, Lazy } from 'aws-cdk-lib';
import { CfnRole } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { acknowledgeWide } from './acknowledge.js';
import { allow, document, iot, trust, type Statement } from './policy.js';

/** Which role it is. */
export interface IotRoleProps {
  readonly description: string;
  /** The name of its policy. */
  readonly policyName: string;
  /** For what in this account AWS IoT may assume it, for example `rule/*`. */
  readonly sources: string[];
  readonly statements?: Statement[];
}

/** A role that AWS IoT assumes, for something of this account and nobody else's. */
export class IotRole extends Construct {
  readonly arn: string;
  private readonly granted = new Map<string, string[]>();

  constructor(scope: Construct, id: string, { description, policyName, sources, statements = [] }: IotRoleProps) {
    super(scope, id);
    const role = new CfnRole(this, 'Resource', {
      description,
      assumeRolePolicyDocument: trust('iot.amazonaws.com', {
        StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
        ArnLike: { 'aws:SourceArn': sources.map(iot) },
      }),
      policies: [
        {
          policyName,
          policyDocument: Lazy.any({
            produce: () => document(...statements, ...[...this.granted].map(([action, resources]) => allow(action, resources))),
          }),
        },
      ],
    });
    acknowledgeWide(role, statements);
    this.arn = role.attrArn;
  }

  /** Lets the role do something with a resource more; `wide` says why a wildcard in it is not too wide. */
  grant(action: string, resource: string, wide?: string): void {
    const resources = this.granted.get(action) ?? [];
    if (!resources.includes(resource)) this.granted.set(action, [...resources, resource]);
    acknowledgeWide(this, [{ ...allow(action, resource), wide }]);
  }
}
