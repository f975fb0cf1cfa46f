/** What exists on AWS alone. */

import type { CfnResource } from 'aws-cdk-lib';

/** Marks a resource that `drydock up` leaves to AWS. */
export function awsOnly<Resource extends CfnResource>(resource: Resource): Resource {
  resource.addMetadata('Drydock', 'aws-only');
  return resource;
}
