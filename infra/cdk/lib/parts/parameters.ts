/** What is asked at deployment: the parameters and conditions of template.yaml. */

import { CfnCondition, CfnParameter, Fn } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

export type Parameters = ReturnType<typeof parameters>;

export function parameters(scope: Construct) {
  const trustedCas = new CfnParameter(scope, 'TrustedCas', {
    description:
      'Ids of the CA certificates whose devices may join, separated by commas. "any" - every CA that is registered for ' +
      'automatic registration, which is right only where no other fleet shares the account.',
    allowedPattern: '^(any|[0-9a-f]{64}(, *[0-9a-f]{64})*)$',
  });
  const thingGroups = new CfnParameter(scope, 'ThingGroups', {
    default: '',
    description: 'Static thing groups that each device joins when it registers just in time, separated by commas.',
  });
  const useAllowList = new CfnParameter(scope, 'UseAllowList', {
    default: 'false',
    allowedValues: ['true', 'false'],
    description: 'Whether only devices whose serial number is in the allow-list table may join.',
  });
  const acceptUnknownModels = new CfnParameter(scope, 'AcceptUnknownModels', {
    default: 'true',
    allowedValues: ['true', 'false'],
    description:
      'Whether a device may join whose certificate names no model, or one that is not known. It gets the plain device type.',
  });
  const graceSeconds = new CfnParameter(scope, 'GraceSeconds', {
    type: 'Number',
    default: 60,
    minValue: 5,
    maxValue: 900,
    description: 'How long a device may be offline before that is announced.',
  });
  const historyDays = new CfnParameter(scope, 'HistoryDays', {
    type: 'Number',
    default: 30,
    minValue: 1,
    maxValue: 3650,
    description: 'How long readings are kept.',
  });
  const reconciliation = new CfnParameter(scope, 'Reconciliation', {
    default: 'DISABLED',
    allowedValues: ['ENABLED', 'DISABLED'],
    description:
      'Whether rows of connectivity that missed an event are found by the fleet index and put right. It needs ' +
      'thingConnectivityIndexingMode STATUS in the indexing configuration of the account.',
  });
  const reconciliationRate = new CfnParameter(scope, 'ReconciliationRate', {
    default: 'rate(5 minutes)',
    allowedPattern: '^(rate|cron)\\(.{1,240}\\)$',
    description: 'How often some hundreds of devices are compared with the fleet index.',
  });
  const tokenAudience = new CfnParameter(scope, 'TokenAudience', {
    default: 'drydock-fleet',
    allowedPattern: '^[A-Za-z0-9:/._-]{1,128}$',
    description: 'The aud of the tokens that devices without a certificate connect with.',
  });
  const apiIssuer = new CfnParameter(scope, 'ApiIssuer', {
    default: '',
    allowedPattern: '^(https://[^ ]{1,256})?$',
    description: 'Who issues the tokens that people call the API with - the iss of their JWTs. Empty - there is no API.',
  });
  const apiAudience = new CfnParameter(scope, 'ApiAudience', {
    default: 'fleet-api',
    allowedPattern: '^[A-Za-z0-9:/._-]{1,128}$',
    description: 'The aud of the tokens that people call the API with.',
  });
  const alertEmail = new CfnParameter(scope, 'AlertEmail', {
    default: '',
    description: 'An address that alerts are sent to. Empty - none.',
  });
  const condition = (id: string, expression: ReturnType<typeof Fn.conditionEquals>) =>
    new CfnCondition(scope, id, { expression });
  const withAllowList = condition('WithAllowList', Fn.conditionEquals(useAllowList.valueAsString, 'true'));
  const withUnknownModels = condition('WithUnknownModels', Fn.conditionEquals(acceptUnknownModels.valueAsString, 'true'));
  const withApi = condition('WithApi', Fn.conditionNot(Fn.conditionEquals(apiIssuer.valueAsString, '')));
  const withAlertEmail = condition('WithAlertEmail', Fn.conditionNot(Fn.conditionEquals(alertEmail.valueAsString, '')));
  return {
    trustedCas: trustedCas.valueAsString,
    thingGroups: thingGroups.valueAsString,
    graceSeconds: graceSeconds.valueAsString,
    historyDays: historyDays.valueAsString,
    reconciliation: reconciliation.valueAsString,
    reconciliationRate: reconciliationRate.valueAsString,
    tokenAudience: tokenAudience.valueAsString,
    apiIssuer: apiIssuer.valueAsString,
    apiAudience: apiAudience.valueAsString,
    withApi,
    alertEmail: alertEmail.valueAsString,
    withAlertEmail,
    /** A value where the allow list is used, else nothing. */
    ifAllowList: (value: string) => Fn.conditionIf(withAllowList.logicalId, value, '').toString(),
    /** A value where devices of models that are not known may join, else nothing. */
    ifUnknownModels: (value: string) => Fn.conditionIf(withUnknownModels.logicalId, value, '').toString(),
  };
}
