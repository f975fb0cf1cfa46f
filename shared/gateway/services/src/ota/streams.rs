//! The operations on streams.

use super::roles;
use crate::call::{Call, untagged};
use drydock_cloud::Cloud;
use drydock_host::tags;
use drydock_model::Router;
use drydock_model::iot::ops;
use drydock_ota::Seen;
use drydock_registry::tags::NewTags;

/// What Amazon S3 knows of an object.
pub(super) fn seen(cloud: &Cloud, bucket: &str, key: &str, version: Option<&str>) -> Option<Seen> {
    let facts = cloud.s3().head_version(bucket, key, version)?;
    Some(Seen { size: facts.size, etag: facts.etag })
}

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::CreateStream>(|call: Call, input| async move {
        let (host, books) = (call.host(), call.books());
        let kept = NewTags::read(input.tags.as_deref())?;
        roles::check(host, &input.role_arn, &format!("stream/{}", input.stream_id))?;
        books
            .change((&books.ota, &books.tags), |(ota, part)| {
                let look = |bucket: &str, key: &str, version: Option<&str>| seen(&host.cloud, bucket, key, version);
                let reply = ota.apply(|book| book.create_stream(input, &look, books.now()))?;
                tags::keep(part, reply.stream_arn.as_deref(), kept)?;
                Ok(reply)
            })
            .await
    });
    router.on::<ops::UpdateStream>(|call: Call, input| async move {
        let (host, books) = (call.host(), call.books());
        if let Some(role) = &input.role_arn {
            roles::check(host, role, &format!("stream/{}", input.stream_id))?;
        }
        let look = |bucket: &str, key: &str, version: Option<&str>| seen(&host.cloud, bucket, key, version);
        books.apply(&books.ota, |book| book.update_stream(input, &look, books.now())).await
    });
    router.on::<ops::DescribeStream>(|call: Call, input| async move {
        call.books().ota.read(|book| book.describe_stream(&input))
    });
    router.on::<ops::ListStreams>(|call: Call, input| async move {
        call.books().ota.read(|book| book.list_streams(&input))
    });
    untagged!(router, ota:
        DeleteStream["stream/" stream_id] => |book, input, books| book.delete_stream(&input);
    );
}
