/** The stack: the same as template.yaml's, resource by resource, which `test/agreement.test.ts` holds the two to. */

import { CfnOutput, Stack, type CfnElement } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { binaries } from './constructs/binaries.js';
import { api } from './parts/api.js';
import { defender } from './parts/defender.js';
import { devices } from './parts/devices.js';
import { functions } from './parts/functions.js';
import { parameters } from './parts/parameters.js';
import { claims, tokens } from './parts/provisioning.js';
import { rules } from './parts/rules.js';
import { messaging, tables } from './parts/storage.js';
import { watching } from './parts/watching.js';

export class DrydockStack extends Stack {
  constructor(scope: Construct, id: string) {
    super(scope, id, {
      description:
        "Drydock's fleet backend: devices register just in time, their telemetry is stored and watched, their connectivity " +
        'is followed and announced, their behavior is judged, and releases reach them in waves.',
    });
    const asked = parameters(this);
    const fleet = devices(this);
    const stored = tables(this);
    const told = messaging(this, asked);
    const built = binaries(this);
    const around = { binaries: built, parameters: asked, devices: fleet, tables: stored, messaging: told };
    const made = functions(this, around);
    const { url } = api(this, around);
    const authorizer = tokens(this, made);
    claims(this, made, fleet);
    rules(this, told, stored);
    watching(this, told);
    const guarded = defender(this, built, told);

    const outputs: [string, string, string][] = [
      ['DevicePolicyName', "The policy of every device's certificate", fleet.policy.ref],
      ['DevicesTableName', 'The devices that joined', stored.devices.tableName],
      ['RegistrationsTableName', 'Every decision on a certificate, and why', stored.registrations.tableName],
      ['LatestTableName', "Each device's latest reading", stored.latest.tableName],
      ['HistoryTableName', 'All readings', stored.history.tableName],
      ['ConnectivityTableName', 'Who is online', stored.connectivity.tableName],
      ['ReleasesTableName', 'Releases and environments', stored.releases.tableName],
      ['FirmwareHistoryTableName', 'What each device was given by releases', stored.firmwareHistory.tableName],
      ['JobOrchestrationFunctionName', 'The function that `drydock release` asks', made.releases.functionName],
      ['TokenAuthorizerName', 'The custom authorizer of devices that connect with a token', authorizer.name],
      ['KeysTableName', "The public keys that sign devices' tokens", stored.keys.tableName],
      ['BlockListTableName', 'What may never join', stored.blockList.tableName],
      ['AllowListTableName', 'The serial numbers that were made', stored.allowList.tableName],
      ['AlertsTopicArn', 'Alerts for people', told.alerts],
      ['ConnectivityTopicArn', 'Devices that went offline or came back', told.connectivity],
      ['ViolationsTopicArn', 'The alert target of security profiles', told.violations],
      ['RuleErrorsQueueUrl', 'Messages that a rule could not deliver', told.ruleErrors.url],
      ['DeadLetterQueueUrl', 'Messages that were given up', told.deadLetters.url],
      ['QuarantineQueueUrl', 'Messages that can never be handled', told.quarantine.url],
      ['AuditsTableName', 'Reports of audits', guarded.audits.tableName],
      ['ViolationsTableName', 'Devices that did not behave', guarded.violations.tableName],
      ['ResponsePlansTableName', 'What is to be done about findings and violations', guarded.plans.tableName],
      ['DefenderAlertsRoleArn', 'The role of this alert target', guarded.alerting.arn],
      ['QuarantineGroupName', 'Devices in quarantine', guarded.group.ref],
      ['DeactivateCertificateName', 'The mitigation action that deactivates device certificates', guarded.deactivate.ref],
      ['QuarantineThingsName', 'The mitigation action that puts things into quarantine', guarded.quarantine.ref],
    ];
    for (const [name, description, value] of outputs) new CfnOutput(this, name, { description, value });
    const ofApi: [string, string, string][] = [
      ['FleetApiUrl', 'Where apps call the API', url],
      ['HomesTableName', 'Homes, and all that is in them', stored.homes.tableName],
    ];
    for (const [name, description, value] of ofApi) new CfnOutput(this, name, { description, value, condition: asked.withApi });
  }

  /**
   * The names of template.yaml: those of the constructs, one after the other, without the CDK's digests. So a resource is the
   * same under both templates, and the CDK's can update a stack that SAM made. Two of one name are an error of the CDK's.
   */
  protected override allocateLogicalId(element: CfnElement): string {
    const path = element.node.scopes.slice(element.node.scopes.indexOf(this) + 1).map(({ node }) => node.id);
    return path.filter((id) => id !== 'Resource').join('');
  }
}
