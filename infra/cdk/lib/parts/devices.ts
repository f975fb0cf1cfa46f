/** What devices are and what they may do. */

import { Aws } from 'aws-cdk-lib';
import { CfnPolicy, CfnThingType } from 'aws-cdk-lib/aws-iot';
import type { Construct } from 'constructs';
import { allow, document, iot, THING } from '../constructs/policy.js';

export type Devices = ReturnType<typeof devices>;

export function devices(scope: Construct) {
  const type = (id: string, name: string, thingTypeDescription: string) =>
    new CfnThingType(scope, id, {
      thingTypeName: `${Aws.STACK_NAME}-${name}`,
      thingTypeProperties: { thingTypeDescription, searchableAttributes: ['serialNumber', 'model'] },
    });
  const charger = type('ChargerType', 'charger', 'A smart charger');
  const switch_ = type('SwitchType', 'switch', 'A smart switch');
  const plain = type('DeviceType', 'device', 'A device of no particular model');

  // A device connects under its thing's name and reaches its own topics, no other's.
  const policy = new CfnPolicy(scope, 'DevicePolicy', {
    policyDocument: document(
      allow('iot:Connect', iot(`client/${THING}`), { condition: { Bool: { 'iot:Connection.Thing.IsAttached': 'true' } } }),
      allow('iot:Publish', [iot(`topic/dt/${THING}/telemetry`), iot(`topic/evt/${THING}/events`)]),
      allow(
        ['iot:Publish', 'iot:Receive'],
        [
          iot(`topic/$aws/things/${THING}/shadow/*`),
          iot(`topic/$aws/things/${THING}/jobs/*`),
          iot(`topic/$aws/things/${THING}/defender/metrics/*`),
        ],
      ),
      allow('iot:Receive', iot(`topic/cmd/${THING}/*`)),
      allow('iot:Subscribe', [
        iot(`topicfilter/cmd/${THING}/*`),
        iot(`topicfilter/$aws/things/${THING}/shadow/*`),
        iot(`topicfilter/$aws/things/${THING}/jobs/*`),
        iot(`topicfilter/$aws/things/${THING}/defender/metrics/*`),
      ]),
    ),
  });
  return {
    types: [charger, switch_, plain],
    charger: charger.ref,
    switch: switch_.ref,
    plain: plain.ref,
    /** The thing type of each model that is known. */
    byModel: `charger=${charger.ref},switch=${switch_.ref}`,
    policy,
  };
}
