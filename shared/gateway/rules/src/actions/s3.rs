//! `s3`: writes the payload to an object of Amazon S3 ("S3" rule action).

use super::outgoing::encoded;
use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use drydock_core::ApiError;
use drydock_model::iot::{CannedAccessControlList, S3Action};

#[derive(Debug)]
struct S3 {
    bucket: Template,
    key: Template,
    acl: Option<CannedAccessControlList>,
}

pub(super) fn compile(action: &S3Action, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    Ok(Box::new(S3 {
        bucket: compiler.filled("bucketName", &action.bucket_name)?,
        key: compiler.filled("key", &action.key)?,
        acl: action.canned_acl,
    }))
}

impl Act for S3 {
    fn kind(&self) -> &'static str {
        "S3Action"
    }

    fn resource(&self) -> &Template {
        &self.bucket
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let key = render.fill(&self.key)?;
        if resource.is_empty() || key.is_empty() {
            return Err(Problem::new("an object needs a bucket and a key, and one of them is empty"));
        }
        let key: Vec<String> = key.split('/').map(encoded).collect();
        let path = format!("/{}/{}", encoded(resource), key.join("/"));
        let mut call = AwsCall::rest("s3", render.account.region.clone(), "PUT", path, render.bytes());
        if let Some(acl) = self.acl {
            call = call.with("x-amz-acl", acl.as_str());
        }
        Ok(vec![Outgoing::Aws(call)])
    }
}
