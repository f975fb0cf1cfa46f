import type { CfnResource } from 'aws-cdk-lib';
import type { NagRuleResult } from 'cdk-nag';

/** A check of one resource. */
export interface Rule {
  /** What it is called after `Iot-`. */
  readonly id: string;
  /** What is wrong. */
  readonly info: string;
  /** Why that matters, and what to do. */
  readonly explanation: string;
  readonly check: (node: CfnResource) => NagRuleResult;
}
