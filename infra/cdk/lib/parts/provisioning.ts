/** Devices that come without a certificate of their own: with a claim, or with a token. */

import { Aws, Stack } from 'aws-cdk-lib';
import { CfnAuthorizer, CfnPolicy, CfnProvisioningTemplate } from 'aws-cdk-lib/aws-iot';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { acknowledge } from '../constructs/acknowledge.js';
import { IotRole } from '../constructs/iot-role.js';
import { allow, document, iot } from '../constructs/policy.js';
import type { Devices } from './devices.js';
import type { Functions } from './functions.js';

export function tokens(scope: Construct, { authorizer }: Functions) {
  const made = new CfnAuthorizer(scope, 'TokenAuthorizer', {
    authorizerName: `${Aws.STACK_NAME}-tokens`,
    authorizerFunctionArn: authorizer.arn,
    signingDisabled: true,
    status: 'ACTIVE',
    // A device that publishes over one HTTPS connection is asked for its token once per refresh, not per message.
    enableCachingForHttp: true,
  });
  acknowledge(made, 'The token carries a signature of its own, which the function checks', 'Iot-AuthorizerSigning');
  mayInvoke(scope, 'TokenAuthorizerPermission', authorizer.arn, made.attrArn);
  return { name: made.ref };
}

/** A device asks with a claim certificate that its whole batch shares; the hook decides. */
export function claims(scope: Construct, { hook }: Functions, devices: Devices) {
  const anyDevice = 'Which devices are provisioned is not known at deployment: any of this account and region';
  const role = new IotRole(scope, 'ProvisioningRole', {
    description: 'What provisioning by a template may do.',
    policyName: 'provisioning',
    sources: ['provisioningtemplate/*', 'thingregistrationtask/*'],
    statements: [
      // The lines of a bulk registration, from a bucket of this account's.
      allow('s3:GetObject', `arn:${Aws.PARTITION}:s3:::*/*`, {
        condition: { StringEquals: { 'aws:ResourceAccount': Aws.ACCOUNT_ID } },
        wide: 'Whoever starts a bulk registration names the bucket, which has to be one of this account',
      }),
      allow(['iot:CreateThing', 'iot:DescribeThing', 'iot:ListThingGroupsForThing', 'iot:UpdateThing'], iot('thing/*'), {
        wide: anyDevice,
      }),
      allow(
        'iot:DescribeThingType',
        devices.types.map(({ attrArn }) => attrArn),
      ),
      allow(['iot:AttachPolicy', 'iot:DescribeCertificate', 'iot:ListAttachedPolicies', 'iot:UpdateCertificate'], iot('cert/*'), {
        wide: anyDevice,
      }),
      allow('iot:GetPolicy', devices.policy.attrArn),
      allow(['iot:AttachThingPrincipal', 'iot:ListPrincipalThings', 'iot:ListThingPrincipals'], '*', {
        wide: 'IAM knows no resource for these actions',
      }),
    ],
  });
  acknowledge(
    role,
    'IAM knows no resource for AttachThingPrincipal, ListPrincipalThings and ListThingPrincipals',
    'Iot-RoleTooWide[*]',
  );

  const template = new CfnProvisioningTemplate(scope, 'FleetTemplate', {
    description: 'A device with a claim and a serial number that is on the allow list.',
    enabled: true,
    templateType: 'FLEET_PROVISIONING',
    provisioningRoleArn: role.arn,
    preProvisioningHook: { payloadVersion: '2020-04-01', targetArn: hook.arn },
    templateBody: Stack.of(scope).toJsonString(body(devices.policy.ref), 2),
  });
  mayInvoke(scope, 'ProvisioningHookPermission', hook.arn, iot('provisioningtemplate/*'));

  // For the certificates that are built into a batch of devices: they can ask for provisioning and do nothing else. Their client
  // ids begin with `claim-`, as no device's does, so that none throws a device off or is announced as one.
  const asking = [
    '$aws/certificates/create/*',
    '$aws/certificates/create-from-csr/*',
    `$aws/provisioning-templates/${template.ref}/provision/*`,
  ];
  const claim = new CfnPolicy(scope, 'ClaimPolicy', {
    policyDocument: document(
      allow('iot:Connect', iot('client/claim-*')),
      allow(
        ['iot:Publish', 'iot:Receive'],
        asking.map((topic) => iot(`topic/${topic}`)),
      ),
      allow(
        'iot:Subscribe',
        asking.map((topic) => iot(`topicfilter/${topic}`)),
      ),
    ),
  });
  acknowledge(
    claim,
    'A device that has only a claim is no thing yet; no device connects under such an id',
    'Iot-PolicyConnect[client/claim-*]',
  );
}

/** What provisioning makes of a device. A thing that exists is not handed to another certificate. */
function body(policyName: string) {
  return {
    Parameters: {
      SerialNumber: { Type: 'String' },
      Model: { Type: 'String', Default: '' },
      ThingName: { Type: 'String' },
      ThingType: { Type: 'String' },
      'AWS::IoT::Certificate::Id': { Type: 'String' },
    },
    Resources: {
      thing: {
        Type: 'AWS::IoT::Thing',
        Properties: {
          ThingName: { Ref: 'ThingName' },
          ThingTypeName: { Ref: 'ThingType' },
          AttributePayload: { serialNumber: { Ref: 'SerialNumber' }, model: { Ref: 'Model' } },
        },
        OverrideSettings: { AttributePayload: 'FAIL', ThingTypeName: 'FAIL', ThingGroups: 'FAIL' },
      },
      certificate: {
        Type: 'AWS::IoT::Certificate',
        Properties: { CertificateId: { Ref: 'AWS::IoT::Certificate::Id' }, Status: 'ACTIVE' },
      },
      policy: { Type: 'AWS::IoT::Policy', Properties: { PolicyName: policyName } },
    },
  };
}

/** Lets AWS IoT invoke a function, for one source of this account. */
function mayInvoke(scope: Construct, id: string, functionName: string, sourceArn: string) {
  new CfnPermission(scope, id, {
    functionName,
    action: 'lambda:InvokeFunction',
    principal: 'iot.amazonaws.com',
    sourceAccount: Aws.ACCOUNT_ID,
    sourceArn,
  });
}
