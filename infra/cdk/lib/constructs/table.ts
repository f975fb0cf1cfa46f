import { CfnDeletionPolicy } from 'aws-cdk-lib';
import { CfnTable } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';

/** The keys of a table, all of them texts. */
export interface TableProps {
  readonly partitionKey: string;
  readonly sortKey?: string;
  /** Whether items end at the second that their `expiresAt` names. */
  readonly expires?: boolean;
}

/** A table that is paid by request, encrypted, recoverable to any second, and kept when the stack is deleted. */
export class Table extends Construct {
  /** The table's name. */
  readonly tableName: string;
  readonly arn: string;

  constructor(scope: Construct, id: string, { partitionKey, sortKey, expires }: TableProps) {
    super(scope, id);
    const keys = [
      { attributeName: partitionKey, keyType: 'HASH' },
      ...(sortKey ? [{ attributeName: sortKey, keyType: 'RANGE' }] : []),
    ];
    const table = new CfnTable(this, 'Resource', {
      billingMode: 'PAY_PER_REQUEST',
      attributeDefinitions: keys.map(({ attributeName }) => ({ attributeName, attributeType: 'S' })),
      keySchema: keys,
      ...(expires && { timeToLiveSpecification: { attributeName: 'expiresAt', enabled: true } }),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      sseSpecification: { sseEnabled: true },
    });
    table.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE;
    table.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
    this.tableName = table.ref;
    this.arn = table.attrArn;
  }
}
