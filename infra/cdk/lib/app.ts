/** The app: the stack under the checks of cdk-nag and our own. */

import { App, Validations, type AppProps } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { IotChecks } from './nag/iot-checks.js';
import { DrydockStack } from './stack.js';

/** Makes the app; `-c stack=NAME` names the stack. */
export function app(props: AppProps = {}): { app: App; stack: DrydockStack } {
  // Nothing about who deploys is told to anybody: no `AWS::CDK::Metadata`.
  const made = new App({ analyticsReporting: false, ...props });
  const stack = new DrydockStack(made, String(made.node.tryGetContext('stack') ?? 'Drydock'));
  Validations.of(made).addPlugins(new AwsSolutionsChecks(made), new IotChecks(made));
  return { app: made, stack };
}
