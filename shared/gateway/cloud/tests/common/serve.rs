//! A listener before the stand-ins, as the composition has one.

use bytes::Bytes;
use drydock_cloud::{Cloud, Service};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::net::TcpListener;

/// Serves every connection: the service is that of the SigV4 scope, or the one given where a request is not signed.
pub(crate) async fn serve(listener: TcpListener, cloud: Cloud, unsigned: Service) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let cloud = cloud.clone();
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let cloud = cloud.clone();
                async move {
                    let (head, body) = request.into_parts();
                    let body: Bytes = body.collect().await.unwrap().to_bytes();
                    let authorization = head.headers.get("authorization").map(|value| value.to_str().unwrap());
                    let scope = authorization.and_then(|text| text.split("Credential=").nth(1)?.split('/').nth(3));
                    let service = scope.map_or(unsigned, |scope| drydock_cloud::stand_ins::of_scope(scope).unwrap());
                    let response = cloud.handle(service, Request::from_parts(head, body)).await;
                    Ok::<_, Infallible>(response.map(Full::new))
                }
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
